import { Readable } from "node:stream";
import { type Command, Option } from "commander";
import { type Method, methods, type Request } from "../api.ts";
import { apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { parseJson, readInput, readText } from "../definitions.ts";
import { UsageError } from "../failure.ts";
import { save } from "../files.ts";
import { type Io, print } from "../io.ts";
import { createProgress } from "../progress.ts";
import { size } from "../table.ts";

interface Options extends CommonOptions {
  readonly method?: Method;
  readonly data?: string;
  readonly query: readonly string[];
}

const help = `
  guanxi api /api/me
  guanxi api /api/leads/aggregate -q group=status -q "metrics=count()"
  guanxi api /api/leads -d '{"last_name": "Lin"}'
  guanxi api -X PUT /api/leads/by/external_id/web-1 -d @lead.json`;

/** `api`: any call of the server, with the key and in the language of all other commands. */
export function addApi(program: Command, { io }: Frame): void {
  asks(program.command("api <path>").description("make a call of the API, and print its answer"), "user")
    .addOption(new Option("-X, --method <method>", "GET, or POST with --data").choices(methods))
    .option("-d, --data <json>", "the body: JSON, @file or - for standard input")
    .option("-q, --query <name=value>", "a parameter; may be given again", (one, all: string[]) => [...all, one], [])
    .addHelpText("after", help)
    .action((path: string, options: Options) => callApi(io, path, options));
}

async function callApi(io: Io, path: string, options: Options): Promise<void> {
  if (!path.startsWith("/")) throw new UsageError(`"${path}" is no path; write it like /api/me.`);
  const body = options.data === undefined ? undefined : await bodyOf(io, options.data);
  const api = await apiFor(io, options, "user");
  const method = options.method ?? (body === undefined ? "GET" : "POST");
  const response = await api.open({ method, path: addressOf(path, options.query), ...body });
  if (!/^application\/([\w.-]+\+)?json\b/.test(response.headers.get("content-type") ?? "")) {
    await save(io, response, { path: undefined, progress: createProgress(io, path, size) });
    return;
  }
  print(io, JSON.stringify(await response.json(), null, 2));
}

/** Sent as it is written: reading it as numbers could take digits from them. UsageError for what is no JSON. */
async function bodyOf(io: Io, data: string): Promise<Pick<Request, "stream" | "headers">> {
  const name = data === "-" ? "standard input" : data.startsWith("@") ? data.slice(1) : "--data";
  const text = data === "-" ? await readInput(io) : data.startsWith("@") ? await readText(name) : data;
  parseJson(text, name);
  return { stream: Readable.from([Buffer.from(text)]), headers: { "content-type": "application/json" } };
}

/** The path with its parameters, percent-encoded where the user has not done so. */
function addressOf(path: string, query: readonly string[]): string {
  const url = new URL(path, "http://server");
  for (const given of query) {
    const at = given.indexOf("=");
    if (at < 1) throw new UsageError(`"${given}" is no parameter; write it like limit=5.`);
    url.searchParams.append(given.slice(0, at), given.slice(at + 1));
  }
  return url.pathname + url.search;
}
