import { createServer } from "node:net";
import { GuanxiProblem } from "@guanxi/client";
import { createApi } from "../api.ts";
import type { Io } from "../io.ts";
import { fault, type Finding, ok, warning } from "./finding.ts";

const check = "server";
/** A server that is well answers /health within that many ms. */
const healthMs = 10_000;

interface Health {
  readonly ok?: boolean;
  readonly checks?: Readonly<Record<string, string>>;
}

/** What a running server says of itself. `expected` when somebody named it, so that its absence is a fault. */
export async function examineServer(io: Io, url: string, expected: boolean): Promise<Finding[]> {
  try {
    return [judgeHealth(url, await ask(io, url))];
  } catch (error) {
    if (!(error instanceof GuanxiProblem)) throw error;
    if (error.status !== 0)
      return [fault(check, `${error.detail ?? error.title}`, "Stop what uses that port, or set PORT to another one.")];
    if (expected)
      return [fault(check, (error.detail ?? error.title).split("\n")[0] ?? "", "Start it, or correct the address.")];
    return [await examinePort(url)];
  }
}

/** 503 is an answer too, with what is wrong in it. */
async function ask(io: Io, url: string): Promise<Health> {
  const api = createApi(io, { url, key: "", caller: "user" });
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(healthMs) }).catch(() => undefined);
  if (response?.status !== 503) return api.json<Health>({ path: "/health", timeoutMs: healthMs });
  return (await response.json().catch(() => ({}))) as Health;
}

function judgeHealth(url: string, { ok: well, checks = {} }: Health): Finding {
  if (well === true) return ok(check, `${url} runs and is well`);
  if (well === undefined)
    return fault(check, `What answers at ${url} is not Guanxi.`, "Correct the address, or set PORT.");
  const wrong = Object.entries(checks).filter(([, state]) => state !== "ok");
  return fault(
    check,
    `${url} is not well: ${wrong.map(([name, state]) => `${name} ${state}`).join(", ")}.`,
    "Its log says why.",
  );
}

/** Without a server: whether one could listen. */
function examinePort(url: string): Promise<Finding> {
  const { hostname, port } = new URL(url);
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === "EADDRINUSE"
          ? fault(
              check,
              `Something else listens on ${hostname}:${port}.`,
              "Stop it, or set PORT to another one (0 for any).",
            )
          : warning(check, `Cannot listen on ${hostname}:${port}: ${error.message}.`, "Correct HOST and PORT."),
      ),
    );
    probe.listen(Number(port || 80), hostname.replace(/^\[|\]$/g, ""), () =>
      probe.close(() => resolve(ok(check, `none runs at ${url}; the port is free`))),
    );
  });
}
