import { checkFormulas } from "./check-formulas.ts";
import type { ObjectCore } from "./object-core.ts";
import { TenantObject } from "./object-type.ts";
import { checkRelations, incomingReferences } from "./relations.ts";
import { definitionError, Report } from "./report.ts";
import { settleRollups } from "./rollup-results.ts";
import { checkRollups } from "./rollup-check.ts";
import { checkSharing } from "./sharing.ts";
import { sharedCore } from "./shared-cores.ts";
import { tablesOf } from "./tables.ts";
import type { Snapshot, StoredObject, TenantSettings } from "./types.ts";

/**
 * Compiles and checks a tenant's definitions, each already read by `parseDefinition`. What is to be kept of them is the
 * snapshot's `stored`: roll-ups follow what was renamed, and learn what their values are. Objects that are as in `previous` are
 * taken over from it; of them only that is checked which the others' change may have broken. Throws GuanxiError DEFINITION
 * where definitions do not fit together; `params.object` of an issue names the definition that its path points into.
 */
export function compileSnapshot(
  settings: TenantSettings,
  version: number,
  stored: readonly StoredObject[],
  previous?: Snapshot,
): Snapshot {
  const settled = settleRollups(stored, () => objectsOf(previous).map((object) => object.stored));
  const cores = settled.map((object) => sharedCore(JSON.stringify(object)));
  checkCores(
    cores.filter(({ aside }) => !aside),
    new Set(objectsOf(previous).map((object) => object.core)),
  );
  return assemble(settings, version, cores, previous);
}

/**
 * The snapshot of definitions that `compileSnapshot` has accepted, each as the JSON text of a StoredObject. Objects are
 * compiled when they are first used, one for all tenants that have it the same; those that are as in `previous` are taken
 * over from it.
 */
export const loadSnapshot = (
  settings: TenantSettings,
  version: number,
  texts: readonly string[],
  previous?: Snapshot,
): Snapshot => assemble(settings, version, texts.map(sharedCore), previous);

const objectsOf = (snapshot: Snapshot | undefined): readonly TenantObject[] =>
  (snapshot ? tablesOf(snapshot) : []).filter((object) => object instanceof TenantObject);

const userOf = (cores: readonly ObjectCore[]): ObjectCore | undefined => cores.find((core) => core.name === "user");

/** `known` have been checked, each by itself and all together. */
function checkCores(cores: readonly ObjectCore[], known: ReadonlySet<ObjectCore>): void {
  const reports = new Map(cores.map((core) => [core, new Report(core.name)]));
  const user = userOf(cores);
  const sameUser = user === undefined || known.has(user);
  checkRelations(cores, known, reports);
  checkSharing(cores, reports);
  checkFormulas(cores, known, reports);
  for (const [core, report] of reports) {
    const isNew = !known.has(core);
    if (isNew) void core.parts;
    if (isNew || !sameUser) core.expressionsFor(user, report);
  }
  checkRollups(cores, known, reports);
  const issues = [...reports.values()].flatMap((report) => report.issues);
  if (issues.length > 0) throw definitionError(issues);
}

function assemble(
  settings: TenantSettings,
  version: number,
  cores: readonly ObjectCore[],
  previous: Snapshot | undefined,
): Snapshot {
  // Values in canonical form and expressions depend on the tenant's settings: other settings make every object another.
  const sameSettings = sameText(previous?.settings, settings);
  const old = new Map((sameSettings ? objectsOf(previous) : []).map((object) => [object.core, object]));
  const user = userOf(cores);
  const incoming = incomingReferences(cores.filter(({ aside }) => !aside));
  const all = cores.map((core) => {
    const place = { settings, user: core.hasExpressions ? user : undefined, incoming: incoming.get(core.name) ?? [] };
    const before = old.get(core);
    const same = before?.user === place.user && sameText(before?.incoming, place.incoming);
    return before && same ? before : new TenantObject(core, place);
  });
  const [aside, objects] = [all.filter((object) => object.core.aside), all.filter((object) => !object.core.aside)];
  return Object.freeze({
    version,
    settings,
    objects: new Map(objects.map((o) => [o.name, o])),
    plurals: new Map(objects.map((o) => [o.plural, o])),
    byId: new Map(objects.map((o) => [o.id, o])),
    aside: new Map(aside.map((o) => [o.id, o])),
  });
}

const sameText = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
