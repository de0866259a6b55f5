import { compileObject, type ObjectCore } from "./compile-object.ts";
import { incomingReferences } from "./relations.ts";
import { definitionError, Report } from "./report.ts";
import { brokenRules, compileRules } from "./rules.ts";
import type { IncomingReference, ObjectType, Rule, Snapshot, StoredObject, TenantSettings } from "./types.ts";

/** The parts an object was put together from; a later snapshot takes over those that did not change. */
interface Parts {
  readonly core: ObjectCore;
  readonly user: ObjectCore | undefined;
  readonly settings: string;
}

const partsOf = new WeakMap<ObjectType, Parts>();

/**
 * Compiles a tenant's definitions, each already read by `parseDefinition`. Objects that are as in `previous` are taken
 * over from it. Throws GuanxiError DEFINITION where definitions do not fit together; `params.object` of an issue names
 * the definition that its path points into.
 */
export function compileSnapshot(
  settings: TenantSettings,
  version: number,
  stored: readonly StoredObject[],
  previous?: Snapshot,
): Snapshot {
  const settingsText = JSON.stringify(settings);
  const reusable = reusableObjects(settingsText, previous);
  const reports = new Map(stored.map((s) => [s.name, new Report(s.name)]));
  const cores = new Map(stored.map((s) => [s.name, coreOf(s, settings, reusable.get(s.id))]));
  const incoming = incomingReferences([...cores.values()], reports);
  const user = cores.get("user");
  const objects = [...cores.values()].map((core) => {
    const report = reports.get(core.name) ?? new Report();
    const old = reusable.get(core.id);
    return assemble({ core, user, settings: settingsText }, incoming.get(core.name) ?? [], settings, old, report);
  });
  const issues = [...reports.values()].flatMap((report) => report.issues);
  if (issues.length > 0) throw definitionError(issues);
  return Object.freeze({
    version,
    settings,
    objects: new Map(objects.map((o) => [o.name, o])),
    plurals: new Map(objects.map((o) => [o.plural, o])),
    byId: new Map(objects.map((o) => [o.id, o])),
  });
}

/** Values in canonical form depend on the tenant's settings, so other settings make every object another. */
function reusableObjects(settings: string, previous: Snapshot | undefined): ReadonlyMap<number, ObjectType> {
  const all = [...(previous?.byId.values() ?? [])];
  return new Map(all.filter((o) => partsOf.get(o)?.settings === settings).map((o) => [o.id, o]));
}

const sameText = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

function coreOf(stored: StoredObject, settings: TenantSettings, old: ObjectType | undefined): ObjectCore {
  const core = old === undefined ? undefined : partsOf.get(old)?.core;
  return core !== undefined && sameText(core.stored, stored) ? core : compileObject(stored, settings);
}

function assemble(
  parts: Parts,
  incoming: readonly IncomingReference[],
  settings: TenantSettings,
  old: ObjectType | undefined,
  report: Report,
): ObjectType {
  const rules = rulesOf(parts, old, report);
  if (
    old !== undefined &&
    partsOf.get(old)?.core === parts.core &&
    old.rules === rules &&
    sameText(old.incoming, incoming)
  )
    return old;
  const object: ObjectType = Object.freeze({
    ...parts.core,
    rules,
    incoming,
    brokenRules: (record, before, context) => brokenRules(rules, settings, record, before, context),
  } satisfies ObjectType);
  partsOf.set(object, parts);
  return object;
}

/** Rules depend on their own object, and on the user's where they mention the actor. */
function rulesOf({ core, user }: Parts, old: ObjectType | undefined, report: Report): readonly Rule[] {
  const before = old === undefined ? undefined : partsOf.get(old);
  const sameUser = before?.user === user || !old?.rules.some((rule) => rule.when.usesUser);
  if (old !== undefined && before?.core === core && sameUser) return old.rules;
  return compileRules(core.stored.definition.rules ?? [], core, user, report);
}
