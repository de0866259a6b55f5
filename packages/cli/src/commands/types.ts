import type { Command } from "commander";
import { answersJson, apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { UsageError } from "../failure.ts";
import { checkTarget, save } from "../files.ts";
import { type Io, printJson } from "../io.ts";
import { createProgress } from "../progress.ts";
import { size } from "../table.ts";

interface TypesOptions extends CommonOptions {
  readonly out?: string;
}

/** `types`: what `createClient<Objects>` of `@guanxi/client` is typed by. */
export function addTypes(program: Command, { io }: Frame): void {
  const command = program.command("types").description("TypeScript declarations of your objects");
  answersJson(asks(command, "user"), "print the file's name and size as JSON; needs --out")
    .option("-o, --out <file>", "where to; standard output unless said")
    .action((options: TypesOptions) => types(io, options));
}

async function types(io: Io, options: TypesOptions): Promise<void> {
  const { out, json } = options;
  if (json && out === undefined)
    throw new UsageError("--json needs --out: without it the types themselves are printed.");
  if (out !== undefined) await checkTarget(out);
  const response = await (await apiFor(io, options, "user")).open({ path: "/api/types.d.ts" });
  const bytes = await save(io, response, { path: out, progress: createProgress(io, "types", size) });
  if (json) printJson(io, { file: out, bytes });
}
