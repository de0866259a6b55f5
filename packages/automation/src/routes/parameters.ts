import { GuanxiError, type Issue, isId } from "@guanxi/base";
import { runStatuses } from "../runs/run.ts";

export interface RunFilter {
  readonly workflow?: string;
  readonly status?: string;
  readonly record?: string;
  readonly limit: number;
  /** Runs before this number. */
  readonly before?: number;
}

export const defaultLimit = 50;
export const maxLimit = 500;

const known = new Set(["workflow", "status", "record", "limit", "cursor"]);

const encode = (seq: number): string => Buffer.from(`r${seq}`).toString("base64url");
const decode = (cursor: string): number | undefined => {
  const seq = /^r(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  return seq === undefined ? undefined : Number(seq);
};
export { encode as cursorOf };

/** The parameters of `GET /api/runs`; MALFORMED with every fault. */
export function readRunFilter(query: URLSearchParams): RunFilter {
  const issues: Issue[] = [];
  const fault = (path: string, en: string) => issues.push({ path, code: "parameter", text: { en } });
  for (const name of query.keys()) if (!known.has(name)) fault(name, "there is no such parameter");
  const text = (name: string) => query.get(name) ?? undefined;
  const [status, record, cursor] = [text("status"), text("record"), text("cursor")];
  if (status !== undefined && !(runStatuses as readonly string[]).includes(status))
    fault("status", `must be one of ${runStatuses.join(", ")}`);
  if (record !== undefined && !isId(record)) fault("record", "must be an id");
  const limit = Number(text("limit") ?? defaultLimit);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) fault("limit", `must be from 1 to ${maxLimit}`);
  const before = cursor === undefined ? undefined : decode(cursor);
  if (cursor !== undefined && before === undefined) fault("cursor", "is not a cursor of this list");
  if (issues.length > 0) throw new GuanxiError("MALFORMED", { issues });
  const workflow = text("workflow");
  return {
    limit,
    ...(workflow === undefined ? {} : { workflow }),
    ...(status === undefined ? {} : { status }),
    ...(record === undefined ? {} : { record }),
    ...(before === undefined ? {} : { before }),
  };
}
