import { GuanxiError, isGuanxiError, type Issue, issueMessage, type Locale } from "@guanxi/base";
import { type StoredObject, tablesOf } from "@guanxi/meta";
import { draftIds } from "../apply.ts";
import type { Ask } from "../changes/engine.ts";
import { emptySet } from "../changes/parse.ts";
import {
  type Applied,
  type ChangeSet,
  type ChangeSetAnswer,
  type DefinitionKind,
  isStillBuilding,
  type StillBuilding,
} from "../changes/types.ts";
import type { Plugin, Session } from "../types.ts";
import type { Collision } from "./collisions.ts";
import { type Edition, editionOf, type Editions, type PluginState, readEditions } from "./editions.ts";
import { purgedFrom, relayer } from "./relayer.ts";
import { rolesOf } from "./roles.ts";
import { isNewer } from "./version.ts";

/** What stands in the way of an edition. */
export interface Obstacle {
  readonly path: string;
  readonly message: string;
  /** What to put, and under which name, where another name solves it. */
  readonly put: Collision["put"] | null;
}

/** A plugin as a tenant has it or could have it. */
export interface PluginView {
  readonly name: string;
  readonly title: string;
  readonly titles: NonNullable<Plugin["titles"]>;
  readonly requires: readonly string[];
  /** What the tenant has; null where it has none. */
  readonly version: string | null;
  readonly state: PluginState | "available";
  /** What this program has; null where it does not know the plugin. */
  readonly available: string | null;
  /** Whether `available` is newer, and not here yet. */
  readonly upgrade: boolean;
  readonly collisions: readonly Obstacle[];
}

export interface PluginAnswer extends ChangeSetAnswer {
  readonly collisions: readonly Obstacle[];
}

export interface PluginOptions {
  readonly plan?: boolean;
  readonly allow?: readonly string[];
  readonly ifVersion?: number | undefined;
  readonly locale: Locale;
}

/** What can be done to a plugin of a tenant. */
export const pluginActions = ["install", "upgrade", "enable", "disable", "uninstall", "purge"] as const;
export type PluginAction = (typeof pluginActions)[number];

interface Env {
  readonly plugins: readonly Plugin[];
  readonly roles: DefinitionKind;
  apply(session: Session, ask: Ask, options: object): Promise<Applied | StillBuilding>;
  refresh(session: Session): Promise<Session>;
}

const nothing: ChangeSet = emptySet;

export function createPlugins(env: Env) {
  // Whoever writes what is no version learns of it when the server starts.
  for (const { version } of env.plugins) isNewer(version, version);
  const known = (name: string): Plugin | undefined => env.plugins.find((plugin) => plugin.name === name);

  function editionFor(name: string, action: PluginAction, has: Edition | undefined): Edition | undefined | "same" {
    const plugin = known(name);
    if (action === "purge" && has) return undefined;
    if (action === "install" && (!has || has.state === "uninstalled")) {
      if (has) return { ...has, state: "enabled" };
      if (plugin) return editionOf(plugin);
    }
    if (has === undefined || (has.state === "uninstalled" && action !== "uninstall")) throw notThere(name, plugin);
    if (action === "install" || action === "enable")
      return has.state === "enabled" ? "same" : { ...has, state: "enabled" };
    if (action === "upgrade") return newerOf(plugin, has) ?? "same";
    const state = action === "disable" ? "disabled" : "uninstalled";
    return has.state === state ? "same" : { ...has, state };
  }

  const notThere = (name: string, plugin: Plugin | undefined): GuanxiError =>
    new GuanxiError("NOT_FOUND", {
      detail: plugin
        ? `The plugin ${name} is not installed: PUT /api/meta/plugins/${name} installs it.`
        : `There is no plugin ${name}; there are: ${env.plugins.map((one) => one.name).join(", ")}.`,
    });

  const ask =
    (name: string, action: PluginAction, allow: readonly string[]): Ask =>
    async (session, stored) => {
      const editions = await readEditions(session.connection, session.tenant.schema);
      const has = editions.get(name);
      const edition = editionFor(name, action, has);
      if (edition === "same") return nothing;
      const set = {
        ...{ ...emptySet, plugins: new Map([[name, edition]]) },
        message: wordsOf(action, name, has, edition),
        // Whoever purges a plugin has named its objects.
        allow: action === "purge" ? [...allow, ...purgedData(name, editions, stored)] : allow,
      };
      const plugin = known(name);
      const arriving = edition?.state === "enabled" && has?.state !== "disabled";
      if (!plugin || !arriving) return set;
      const roles = rolesOf(plugin, {
        stored,
        before: has?.state === "enabled" ? has : undefined,
        has: await env.roles.read(session),
      });
      return { ...set, others: new Map([["roles", roles.map((value) => ({ path: `/${name}`, value }))]]) };
    };

  async function run(
    session: Session,
    name: string,
    action: PluginAction,
    options: PluginOptions,
  ): Promise<PluginAnswer | StillBuilding> {
    const { plan = false, allow = [], ifVersion, locale } = options;
    try {
      const applied = await env.apply(session, ask(name, action, allow), { plan, ifVersion, locale });
      if (isStillBuilding(applied)) return applied;
      const { id, version, ok, steps } = applied;
      return { id, version, ok, steps, collisions: [] };
    } catch (error) {
      if (!plan || !isGuanxiError(error, "DEFINITION")) throw error;
      const { version } = (await env.refresh(session)).snapshot;
      return { id: null, version, ok: false, steps: [], collisions: obstaclesIn(error.issues, locale) };
    }
  }

  return {
    /** The tenant's plugins and those that it could have. */
    async list(session: Session, locale: Locale): Promise<readonly PluginView[]> {
      const fresh = await env.refresh(session);
      const editions = await readEditions(fresh.connection, fresh.tenant.schema);
      const stored = tablesOf(fresh.snapshot).map((object) => object.stored);
      const names = new Set([...env.plugins.map((plugin) => plugin.name), ...editions.keys()]);
      return [...names].toSorted().map((name) => viewOf(known(name), name, editions, stored, locale));
    },
    async act(
      session: Session,
      name: string,
      action: PluginAction,
      options: PluginOptions,
    ): Promise<PluginAnswer | StillBuilding> {
      const answer = await run(session, name, action, options);
      // What was kept aside comes back as it was, and then to what this program brings, where nothing stands against it.
      if (options.plan || isStillBuilding(answer) || (action !== "enable" && action !== "install")) return answer;
      if (!(await this.settle(session, [name], unlessRefused))) return answer;
      return { ...answer, version: (await env.refresh(session)).snapshot.version };
    },
    /** Upgrades what is older than this program's editions and may be: → whether anything was. What stands in the way is told to `blocked`. */
    async settle(
      session: Session,
      only: readonly string[] | undefined,
      blocked: (plugin: string, error: unknown) => void,
    ): Promise<boolean> {
      const editions = await readEditions(session.connection, session.tenant.schema);
      let any = false;
      for (const name of dueIn(env.plugins, editions).filter((one) => only?.includes(one) ?? true)) {
        try {
          await env.apply(session, ask(name, "upgrade", []), { onlyObjects: true, byPlatform: true });
          any = true;
        } catch (error) {
          blocked(name, error);
        }
      }
      return any;
    },
  };
}

export type Plugins = ReturnType<typeof createPlugins>;

/** What a purge deletes, in the words of `allow`. */
function purgedData(plugin: string, editions: Editions, stored: readonly StoredObject[]): string[] {
  const purge = new Map([[plugin, undefined]]);
  return stored.flatMap(({ name, origin = name, source }) =>
    source === plugin ? [`drop:${name}`] : purgedFrom(origin, editions, purge).map((field) => `drop:${name}.${field}`),
  );
}

/** Who asked for something else is told by the list of plugins what keeps the newer edition away. */
function unlessRefused(_plugin: string, error: unknown): void {
  if (!isGuanxiError(error)) throw error;
}

function newerOf(plugin: Plugin | undefined, has: Edition): Edition | undefined {
  if (!plugin || !isNewer(plugin.version, has.version)) return undefined;
  return { ...editionOf(plugin), state: has.state };
}

/** Plugins that are to be upgraded without being asked for, each after what it requires. */
const dueIn = (plugins: readonly Plugin[], editions: Editions): string[] =>
  plugins
    .filter(({ name, version }) => {
      const has = editions.get(name);
      return has?.state === "enabled" && has.held !== version && isNewer(version, has.version);
    })
    .toSorted((a, b) => (b.requires?.includes(a.name) ? -1 : a.requires?.includes(b.name) ? 1 : 0))
    .map(({ name }) => name);

function wordsOf(action: PluginAction, name: string, has: Edition | undefined, to: Edition | undefined): string {
  if (action === "upgrade") return `upgrade the plugin ${name} from ${has?.version} to ${to?.version}`;
  return `${action} the plugin ${name}`;
}

const obstaclesIn = (issues: readonly Issue[], locale: Locale): Obstacle[] =>
  issues.map((issue) => ({
    path: issue.path,
    message: issueMessage(issue, locale),
    put: (issue.params?.["collision"] as Collision | undefined)?.put ?? null,
  }));

function obstaclesTo(
  edition: Edition,
  editions: Editions,
  stored: readonly StoredObject[],
  locale: Locale,
): Obstacle[] {
  try {
    relayer(stored, editions, new Map([[edition.name, edition]]), draftIds());
    return [];
  } catch (error) {
    if (!isGuanxiError(error)) throw error;
    return error.issues.length > 0
      ? obstaclesIn(error.issues, locale)
      : [{ path: "", message: error.message, put: null }];
  }
}

function viewOf(
  plugin: Plugin | undefined,
  name: string,
  editions: Editions,
  stored: readonly StoredObject[],
  locale: Locale,
): PluginView {
  const has = editions.get(name);
  const newer = has?.state === "enabled" ? newerOf(plugin, has) : undefined;
  return {
    ...{ name, title: plugin?.title ?? name, titles: plugin?.titles ?? {} },
    requires: has?.requires ?? plugin?.requires ?? [],
    version: has?.version ?? null,
    state: has?.state ?? "available",
    available: plugin?.version ?? null,
    upgrade: newer !== undefined,
    collisions: newer ? obstaclesTo(newer, editions, stored, locale) : [],
  };
}
