import { isGuanxiError, type Issue } from "@guanxi/base";
import {
  compileSnapshot,
  type ObjectType,
  parseDefinition,
  type Snapshot,
  storeDefinition,
  type StoredObject,
  type TenantSettings,
} from "../src/index.ts";

export const settings: TenantSettings = {
  tenant: "demo",
  schema: "t_demo",
  locale: "en",
  timeZone: "Asia/Shanghai",
  currency: "CNY",
  country: "CN",
  fiscalYearStart: 1,
};

export const user = {
  name: "user",
  plural: "users",
  properties: { name: { type: "string" }, region: { type: "string" } },
};

export const file = { name: "file", plural: "files", properties: { size: { type: "integer" } } };
const core: ReadonlySet<string> = new Set([user.name, file.name]);

/** A counter like the tenant's. */
export function ids(): () => number {
  let last = 0;
  return () => ++last;
}

/** Stores definitions, each under the id its name had in `before`. */
export function store(
  definitions: readonly unknown[],
  nextId: () => number,
  before: readonly StoredObject[] = [],
): StoredObject[] {
  return definitions.map((input) => {
    const definition = parseDefinition(input);
    const previous = before.find((s) => s.name === definition.name || s.name === definition.was);
    return storeDefinition(previous, definition, core.has(definition.name) ? "core" : "tenant", nextId);
  });
}

export const snapshotOf = (...definitions: readonly unknown[]): Snapshot =>
  compileSnapshot(settings, 1, store(definitions, ids()));

/** An object with these properties, compiled beside a user. */
export function objectOf(properties: Record<string, unknown>, more: Record<string, unknown> = {}): ObjectType {
  const object = snapshotOf(user, file, { name: "thing", plural: "things", properties, ...more }).objects.get("thing");
  if (object === undefined) throw new Error("the object was not compiled");
  return object;
}

/** The issues of the error that `work` throws. */
export function issuesOf(work: () => unknown): readonly Issue[] {
  try {
    work();
  } catch (e) {
    if (isGuanxiError(e, "DEFINITION")) return e.issues;
    throw e;
  }
  return [];
}

/** `path code`, sorted, for comparing. */
export const brief = (issues: readonly Issue[]): string[] => issues.map((i) => `${i.path} ${i.code}`).toSorted();

export const now = new Date("2026-01-31T16:30:00.250Z");
