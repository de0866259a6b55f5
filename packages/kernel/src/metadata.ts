import { knows } from "@guanxi/access";
import { GuanxiError, isObject } from "@guanxi/base";
import { isExtension, type ObjectDefinition, type StoredObject } from "@guanxi/meta";
import { quote } from "@guanxi/store";
import { customisationOf } from "./changes/customisation.ts";
import type { EngineEnv } from "./changes/carry.ts";
import { applyChangeSet, type Ask } from "./changes/engine.ts";
import { listChangeSets, readChangeSet } from "./changes/history.ts";
import { emptySet, parseChangeSet, parseOptions } from "./changes/parse.ts";
import { wayBack } from "./changes/revert.ts";
import {
  type Applied,
  type ChangeSet,
  type ChangeSetAnswer,
  type Definition,
  type DefinitionKind,
  isStillBuilding,
  type StillBuilding,
} from "./changes/types.ts";
import { baseOf, basesOf, ownExtension } from "./plugins/brought.ts";
import { readEditions } from "./plugins/editions.ts";
import { createPlugins } from "./plugins/plugins.ts";
import { withFresh } from "./records/context.ts";
import { recalculate } from "./records/recalculate.ts";
import type { DefinitionOptions, Layer, Metadata, MetadataAnswer } from "./metadata-types.ts";
import { createSweep } from "./sweep.ts";
import type { Plugin, Session } from "./types.ts";

/** ms between two looks of the slow round; a change set of the tenant's, and whoever asks for the one being built, looks at once. */
const sweepMs = 5_000;

interface Env extends Omit<EngineEnv, "kinds"> {
  readonly plugins: readonly Plugin[];
  /** Those of the kernel itself. */
  readonly kinds: readonly DefinitionKind[];
}

function requireMetadataRight(session: Session): void {
  if (!session.actor.rights.system.has("edit_metadata"))
    throw new GuanxiError("FORBIDDEN", { detail: "Changing metadata needs the system right edit_metadata." });
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

/** One definition, whose faults have no place but their own. */
const only = <T>(value: T) => [{ path: "", value }];

function checkName({ snapshot }: Session, name: string, input: unknown): unknown {
  const there = snapshot.objects.get(name)?.stored;
  // What a renamed object extends is known by another name.
  const named =
    !isExtension(input) || input.extends === name || input.extends === (there && (there.origin ?? there.name));
  const body = isObject(input) && (named || there?.definition.was === input["extends"]) ? { name, ...input } : input;
  if (isExtension(body) && body.name === undefined) {
    const message = `must be "${name}", as in the address; to give ${body.extends} that name, say "name" and "was": "${body.extends}"`;
    throw new GuanxiError("DEFINITION", { issues: [{ path: "/extends", code: "definition", params: { message } }] });
  }
  if (!isObject(body) || body.name === name || typeof body.name !== "string") return body;
  const message = `must be "${name}", as in the address; to rename, put the new name with "was": "${name}"`;
  throw new GuanxiError("DEFINITION", { issues: [{ path: "/name", code: "definition", params: { message } }] });
}

function answerOf(applied: Applied | StillBuilding): ChangeSetAnswer | StillBuilding {
  if (isStillBuilding(applied)) return applied;
  const { id, version, ok, steps } = applied;
  return { id, version, ok, steps };
}

export function createMetadata(env: Env): Metadata {
  const kinds = [...env.kinds];
  const engine: EngineEnv = { ...env, kinds };
  const { refresh } = env.records;

  const definitionOf = (session: Session, name: string): MetadataAnswer => {
    const object = session.snapshot.objects.get(name);
    if (!object || !knows(object, session.actor.rights))
      throw new GuanxiError("NOT_FOUND", { detail: `There is no object ${name}.` });
    return { definition: object.stored.definition, version: session.snapshot.version, created: false };
  };

  async function layerOf(session: Session, name: string, wanted: "base" | "extension"): Promise<Layer> {
    const { definition: whole, version } = definitionOf(session, name);
    const stored = [...session.snapshot.objects.values()].map((object) => object.stored);
    const object = stored.find((one) => one.name === name);
    const base =
      object && baseOf(object, stored, basesOf(await readEditions(session.connection, session.tenant.schema)));
    if (base === undefined)
      throw new GuanxiError("NOT_FOUND", { detail: `${name} is the tenant's own object: it has no layers.` });
    return { definition: wanted === "base" ? base : ownExtension(base, whole), version };
  }

  function apply(
    session: Session,
    ask: Ask,
    options?: Parameters<typeof applyChangeSet>[3],
  ): Promise<Applied | StillBuilding> {
    requireMetadataRight(session);
    return applyChangeSet(engine, session, ask, options);
  }

  /** One that changes no tables, and so is never built. */
  async function applyAtOnce(
    session: Session,
    set: ChangeSet,
    options?: Parameters<typeof applyChangeSet>[3],
  ): Promise<Applied> {
    const applied = await apply(session, () => set, options);
    if (isStillBuilding(applied)) throw new Error("a change set without objects is being built");
    return applied;
  }

  /** Changes one object to what `write` makes of its definition. */
  async function putObject(
    session: Session,
    name: string,
    write: (inside: Session) => unknown,
    { ifVersion, allow = [] }: DefinitionOptions,
  ): Promise<MetadataAnswer | StillBuilding> {
    let found: ObjectDefinition | undefined;
    const set = (inside: Session): ChangeSet => {
      found = inside.snapshot.objects.get(name)?.stored.definition;
      return { ...emptySet, allow, objects: only(checkName(inside, name, write(inside))) };
    };
    const applied = await apply(session, set, { ifVersion, onlyObjects: true });
    if (isStillBuilding(applied)) return applied;
    const { version, touched } = applied;
    const put = touched.find((one) => one.kind === "objects" && one.name === name);
    const definition = put === undefined ? found : (put.after as StoredObject).definition;
    if (definition === undefined) throw new Error(`${name} was not put`);
    return { definition, version, created: put?.before === null };
  }

  const [roles] = kinds;
  if (roles === undefined) throw new Error("the kernel has no roles");
  const plugins = createPlugins({
    ...{ plugins: env.plugins, roles, refresh },
    apply,
  });

  return {
    plugins,
    async list(session) {
      const { snapshot } = await refresh(session);
      return {
        version: snapshot.version,
        definitions: [...snapshot.objects.values()]
          .filter((o) => knows(o, session.actor.rights))
          .map((o) => o.stored.definition),
      };
    },
    get: async (session, name) => definitionOf(await refresh(session), name),
    layer: async (session, name, wanted) => layerOf(await refresh(session), name, wanted),
    put: (session, name, definition, options = {}) => putObject(session, name, () => definition, options),
    patch: (session, name, patch, options = {}) =>
      putObject(session, name, (inside) => mergePatch(definitionOf(inside, name).definition, patch), options),
    async delete(session, name, { ifVersion, allow = [] } = {}) {
      const set = (inside: Session): ChangeSet => {
        if (!inside.snapshot.objects.has(name))
          throw new GuanxiError("NOT_FOUND", { detail: `There is no object ${name}.` });
        return { ...emptySet, allow, gone: new Map([["objects", only(name)]]) };
      };
      const applied = await apply(session, set, { ifVersion, onlyObjects: true });
      return isStillBuilding(applied) ? applied : undefined;
    },
    register: (kind) => void kinds.push(kind),
    async putOther(session, kind, definition, { ifVersion, locale }) {
      const set = { ...emptySet, others: new Map([[kind, only(definition)]]) };
      const { version, touched } = await applyAtOnce(session, set, { ifVersion, locale, anew: true });
      const put = touched.find((one) => one.kind === kind);
      if (!put) throw new Error(`no ${kind} were put`);
      return { definition: put.after as Definition, version, created: put.before === null };
    },
    async removeOther(session, kind, name, ifVersion) {
      await applyAtOnce(session, { ...emptySet, gone: new Map([[kind, only(name)]]) }, { ifVersion });
    },
    async apply(session, body, options) {
      requireMetadataRight(session);
      const set = parseChangeSet(
        body,
        kinds.map(({ name }) => name),
      );
      return answerOf(await apply(session, () => set, options));
    },
    async revert(session, id, body, options) {
      requireMetadataRight(session);
      const given = parseOptions(body);
      return answerOf(await apply(session, (inside, stored) => wayBack(inside, stored, kinds, id, given), options));
    },
    async recalculate(session, name, field) {
      requireMetadataRight(session);
      return withFresh(env.records, session, (s) => recalculate(env.records, s, name, field));
    },
    async history(session, page) {
      requireMetadataRight(session);
      return listChangeSets(session, page);
    },
    async changeSet(session, id) {
      requireMetadataRight(session);
      const entry = await readChangeSet(session, id);
      if (entry.state !== "building") return entry;
      await env.builds.clearAbandoned(session.tenant);
      return readChangeSet(session, id);
    },
    startSweep(list) {
      const sweep = createSweep({
        task: "abandoned change sets",
        list,
        visit: (tenant) => env.builds.visit(tenant),
        intervalMs: sweepMs,
        observe: env.records.observe,
      });
      sweep.all();
      return sweep;
    },
    async customisation(session) {
      requireMetadataRight(session);
      return env.records.store.transaction(async (connection) => {
        // All of one version: whoever changes metadata waits for these few reads.
        await connection.sql(`SELECT FROM ${quote(session.tenant.schema)}._meta FOR SHARE`);
        const fresh = await refresh({ ...session, connection });
        return customisationOf(fresh, await readEditions(connection, session.tenant.schema), kinds);
      });
    },
  };
}
