import { errorCatalogue, isGuanxiError, type Observation, type Observe } from "@guanxi/base";

/** What an operator must know of an error: its chain of messages, and for bugs of ours where it came from. */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? {} : { cause: describe(error.cause) };
  if (isGuanxiError(error) && errorCatalogue[error.code].status !== 500) return { message: error.message, ...cause };
  return { message: error.message, stack: error.stack, ...cause };
}

/** Kinds that an operator reads; the others are for metrics. */
const written = new Set<Observation["kind"]>([
  "request_failed",
  "slow_statement",
  "connection_lost",
  "sandbox_killed",
  "background_failed",
  "database",
  "stopping",
  "stopped",
]);

/** One JSON object a line on standard error. Never carries record data. */
export function logTo(stream: { write(text: string): unknown }): Observe {
  return (o) => {
    if (!written.has(o.kind)) return;
    const entry = "error" in o ? { ...o, error: describe(o.error) } : o;
    stream.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
  };
}
