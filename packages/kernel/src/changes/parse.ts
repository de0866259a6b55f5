import { GuanxiError, isObject, type Issue } from "@guanxi/base";
import { escapeToken, unstorable } from "@guanxi/meta";
import type { ChangeSet, Written } from "./types.ts";

/** Characters of a message: room for why, not for a document. */
const longestMessage = 1_000;

type Members = Pick<ChangeSet, "message" | "allow">;
const options = new Set(["message", "allow"]);

export const emptySet: ChangeSet = {
  objects: [],
  others: new Map(),
  settings: {},
  plugins: new Map(),
  gone: new Map(),
  message: undefined,
  allow: [],
  strict: true,
};

const nothing: Readonly<Record<string, unknown>> = {};

/** Reads the body of a change set, of objects and these kinds; VALIDATION with every fault. What the definitions hold is judged later. */
export function parseChangeSet(body: unknown, kinds: readonly string[]): ChangeSet {
  const issues: Issue[] = [];
  const names = ["objects", ...kinds];
  const given = membersOf(body, "", new Set([...names, "settings", "delete", ...options]), issues);
  const gone = membersOf(given["delete"] ?? {}, "/delete", new Set(names), issues);
  const set: ChangeSet = {
    ...readOptions(given, issues),
    strict: false,
    objects: listOf(given["objects"], "/objects", isObject, "object", issues),
    others: new Map(kinds.map((name) => [name, listOf(given[name], `/${name}`, isObject, "object", issues)])),
    settings: settingsOf(given["settings"], issues),
    plugins: emptySet.plugins,
    gone: new Map(names.map((name) => [name, listOf(gone[name], `/delete/${name}`, isText, "string", issues)])),
  };
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return set;
}

/** The body of a revert: what a change set has besides definitions. */
export function parseOptions(body: unknown): Members {
  const issues: Issue[] = [];
  const read = readOptions(membersOf(body ?? {}, "", options, issues), issues);
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return read;
}

const isText = (value: unknown): value is string => typeof value === "string" && unstorable(value) === undefined;

function membersOf(
  value: unknown,
  path: string,
  known: ReadonlySet<string>,
  issues: Issue[],
): Readonly<Record<string, unknown>> {
  if (!isObject(value)) {
    issues.push({ path, code: "type", params: { type: "object" } });
    return nothing;
  }
  for (const key of Object.keys(value))
    if (!known.has(key)) issues.push({ path: `${path}/${escapeToken(key)}`, code: "unknown", params: { field: key } });
  return value as Readonly<Record<string, unknown>>;
}

function listOf<T>(
  value: unknown,
  path: string,
  fits: (item: unknown) => item is T,
  type: string,
  issues: Issue[],
): Written<T>[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    issues.push({ path, code: "type", params: { type: "array" } });
    return [];
  }
  return value.flatMap((item: unknown, i) => {
    if (fits(item)) return [{ path: `${path}/${i}`, value: item }];
    issues.push({ path: `${path}/${i}`, code: "type", params: { type } });
    return [];
  });
}

function settingsOf(value: unknown, issues: Issue[]): Readonly<Record<string, unknown>> {
  if (value === undefined || isObject(value)) return (value ?? nothing) as Readonly<Record<string, unknown>>;
  issues.push({ path: "/settings", code: "type", params: { type: "object" } });
  return nothing;
}

function readOptions({ message, allow }: Readonly<Record<string, unknown>>, issues: Issue[]): Members {
  const path = "/message";
  if (message !== undefined && !isText(message)) issues.push({ path, code: "type", params: { type: "string" } });
  else if (message !== undefined && message.length > longestMessage)
    issues.push({ path, code: "maxLength", params: { limit: longestMessage } });
  const words = listOf(allow, "/allow", isText, "string", issues);
  return { message: message as string | undefined, allow: words.map(({ value }) => value) };
}
