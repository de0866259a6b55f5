import { isDeepStrictEqual } from "node:util";
import { knows } from "@guanxi/access";
import { GuanxiError, isObject, type Issue } from "@guanxi/base";
import {
  compileSnapshot,
  loadSnapshot,
  type ObjectDefinition,
  parseDefinition,
  type Snapshot,
  retarget,
  storeDefinition,
  type StoredObject,
} from "@guanxi/meta";
import { type Connection, notify, quote } from "@guanxi/store";
import { applyDefinitions, idCounter } from "./apply.ts";
import { metaChannel } from "./channels.ts";
import { coreObjects } from "./core-objects.ts";
import { withLocks } from "./locks.ts";
import type { RecordsEnv } from "./records/context.ts";
import { moveRights } from "./role-rights.ts";
import type { Snapshots } from "./snapshots.ts";
import { loadStored, storedObjects } from "./stored.ts";
import type { Metadata, MetadataAnswer, Session } from "./types.ts";

interface Env {
  readonly snapshots: Snapshots;
  readonly records: RecordsEnv;
}

interface WriteOptions {
  readonly ifVersion?: number | undefined;
  readonly allow?: readonly string[] | undefined;
}

/** The metadata of a tenant under its lock. */
interface Draft {
  readonly session: Session;
  readonly version: number;
  readonly stored: readonly StoredObject[];
  readonly current: Snapshot;
}

export function requireMetadataRight(session: Session): void {
  if (!session.actor.rights.system.has("edit_metadata"))
    throw new GuanxiError("FORBIDDEN", { detail: "Changing metadata needs the system right edit_metadata." });
}

/** Locks the tenant's metadata, lets `work` change it, gives it the next version, tells every node. */
async function change<T>(
  env: Env,
  session: Session,
  work: (draft: Draft, tx: Connection) => Promise<{ value: T; next?: Snapshot }>,
): Promise<{ value: T; version: number }> {
  const { tenant } = session;
  const s = quote(tenant.schema);
  const result = await withLocks(env.records.store, async (tx) => {
    await tx.sql(`SELECT FROM ${s}._meta FOR UPDATE`);
    const found = await loadStored(tx, tenant.schema);
    const { version, settings, texts } = found;
    const current =
      version === session.snapshot.version
        ? session.snapshot
        : loadSnapshot(settings, version, texts, session.snapshot);
    const stored = storedObjects(found);
    const { value, next } = await work(
      { session: { ...session, connection: tx, snapshot: current }, version, stored, current },
      tx,
    );
    if (next === current) return { value, version };
    await tx.sql(`UPDATE ${s}._meta SET version = $1`, [version + 1]);
    await notify(tx, metaChannel, tenant.id);
    return { value, version: version + 1 };
  });
  env.snapshots.forget(tenant.id);
  return result;
}

/** What every tenant relies on stays: core objects may get further fields, keys and rules, and nothing else. */
function guardCore(previous: StoredObject, definition: ObjectDefinition): void {
  const core = coreObjects.find((o) => previous.source === "core" && o.name === previous.name);
  if (!core) return;
  const same = (path: string, was: unknown, is: unknown): readonly string[] =>
    isDeepStrictEqual(was, is) ? [] : [path];
  const uniques = definition.unique ?? [];
  const paths = [
    ...(["name", "plural", "nameField", "sharing"] as const).flatMap((k) =>
      same(`/${k}`, core[k] ?? false, definition[k] ?? false),
    ),
    ...(core.required?.every((f) => definition.required?.includes(f)) === false ? ["/required"] : []),
    ...(core.unique?.every((key) => uniques.some((u) => isDeepStrictEqual(key, u))) === false ? ["/unique"] : []),
    ...Object.entries(core.properties).flatMap(([f, p]) => {
      const was = previous.definition.properties[f];
      // A field of the tenant's own that got its name before the core's did may be changed, and so renamed.
      const own = was !== undefined && !isDeepStrictEqual(was, p);
      return own ? [] : same(`/properties/${f}`, p, definition.properties[f]);
    }),
  ];
  if (paths.length === 0) return;
  const message = `belongs to the core object ${previous.name} and cannot be changed`;
  const issues = paths.map((path): Issue => ({ path, code: "definition", params: { message } }));
  throw new GuanxiError("DEFINITION", { issues });
}

async function putDefinition(
  env: Env,
  draft: Draft,
  tx: Connection,
  name: string,
  input: unknown,
  options: WriteOptions,
): Promise<{ value: MetadataAnswer; next: Snapshot }> {
  const { current, stored, version } = draft;
  if (options.ifVersion !== undefined && options.ifVersion !== version) throw new GuanxiError("PRECONDITION");
  const definition = parseDefinition(isObject(input) ? { name, ...input } : input);
  if (definition.name !== name) {
    throw new GuanxiError("DEFINITION", {
      issues: [
        {
          path: "/name",
          code: "definition",
          params: {
            message: `must be "${name}", as in the address; to rename, put the new name with "was": "${name}"`,
          },
        },
      ],
    });
  }
  const named = stored.find((o) => o.name === name);
  const renamed = definition.was === undefined || named ? undefined : stored.find((o) => o.name === definition.was);
  if (definition.was !== undefined && !named && !renamed) {
    throw new GuanxiError("DEFINITION", {
      issues: [{ path: "/was", code: "definition", params: { message: `there is no object "${definition.was}"` } }],
    });
  }
  const previous = named ?? renamed;
  if (previous) guardCore(previous, definition);
  const ids = await idCounter(tx, current.settings.schema);
  const object = storeDefinition(previous, definition, previous?.source ?? "tenant", ids.next);
  if (previous && isDeepStrictEqual(previous, object))
    return { value: { definition, version, created: false }, next: current };
  const others = stored.filter((o) => o.id !== object.id);
  const all = renamed ? others.map((o) => retarget(o, renamed.name, name)) : others;
  const list = [...all, renamed ? retarget(object, renamed.name, name) : object].sort((a, b) => a.id - b.id);
  const next = compileSnapshot(current.settings, version + 1, list, current);
  await applyDefinitions(tx, env.records.vault, {
    version,
    current,
    next,
    stored: list,
    nextId: ids.value(),
    allow: options.allow ?? [],
  });
  if (renamed) await moveRights(env.records, draft.session, renamed.name, name);
  return { value: { definition, version: version + 1, created: !previous }, next };
}

async function deleteDefinition(
  env: Env,
  draft: Draft,
  tx: Connection,
  name: string,
  options: WriteOptions,
): Promise<{ value: undefined; next: Snapshot }> {
  const { current, stored, version } = draft;
  if (options.ifVersion !== undefined && options.ifVersion !== version) throw new GuanxiError("PRECONDITION");
  const object = current.objects.get(name);
  if (!object) throw new GuanxiError("NOT_FOUND", { detail: `There is no object ${name}.` });
  if (object.source === "core")
    throw new GuanxiError("FORBIDDEN", { detail: `${name} belongs to the core and cannot be deleted.` });
  const users = object.incoming.filter((i) => i.object !== name);
  if (users.length > 0) {
    throw new GuanxiError("CONFLICT", {
      detail: `References point to ${name}: ${users.map((u) => `${u.object}.${u.field}`).join(", ")}. Delete those fields first.`,
    });
  }
  const list = stored.filter((o) => o.id !== object.id);
  const ids = await idCounter(tx, current.settings.schema);
  const next = compileSnapshot(current.settings, version + 1, list, current);
  await applyDefinitions(tx, env.records.vault, {
    version,
    current,
    next,
    stored: list,
    nextId: ids.value(),
    allow: options.allow ?? [],
  });
  await moveRights(env.records, draft.session, name, undefined);
  return { value: undefined, next };
}

/** RFC 7396. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const base: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete base[key];
    else base[key] = mergePatch(base[key], value);
  }
  return base;
}

export function createMetadata(env: Env, current: (session: Session) => Promise<Session>): Metadata {
  const definitionOf = (session: Session, name: string): MetadataAnswer => {
    const object = session.snapshot.objects.get(name);
    if (!object || !knows(object, session.actor.rights))
      throw new GuanxiError("NOT_FOUND", { detail: `There is no object ${name}.` });
    return { definition: object.stored.definition, version: session.snapshot.version, created: false };
  };
  const metadata: Metadata = {
    async list(session) {
      const { snapshot } = await current(session);
      return {
        version: snapshot.version,
        definitions: [...snapshot.objects.values()]
          .filter((o) => knows(o, session.actor.rights))
          .map((o) => o.stored.definition),
      };
    },
    get: async (session, name) => definitionOf(await current(session), name),
    async put(session, name, definition, options = {}) {
      requireMetadataRight(session);
      const { value, version } = await change(env, session, (draft, tx) =>
        putDefinition(env, draft, tx, name, definition, options),
      );
      return { ...value, version };
    },
    async patch(session, name, patch, options = {}) {
      requireMetadataRight(session);
      const { value, version } = await change(env, session, (draft, tx) => {
        const { definition } = definitionOf(draft.session, name);
        return putDefinition(env, draft, tx, name, mergePatch(definition, patch), options);
      });
      return { ...value, version };
    },
    async delete(session, name, options = {}) {
      requireMetadataRight(session);
      await change(env, session, (draft, tx) => deleteDefinition(env, draft, tx, name, options));
    },
    async change(session, work) {
      requireMetadataRight(session);
      return change(env, session, async (draft) => ({ value: await work(draft.session, draft.version + 1) }));
    },
  };
  return metadata;
}
