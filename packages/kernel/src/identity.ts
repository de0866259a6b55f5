import { hash } from "node:crypto";
import { type RoleGrant, sumRights } from "@guanxi/access";
import { type Clock, GuanxiError, type Locale, locales, perKey, Recent, secret } from "@guanxi/base";
import { type ObjectType, type Snapshot, withPairs } from "@guanxi/meta";
import { quotedSchema, type Store } from "@guanxi/store";
import { coreUnnamed, memberGrant, userManagerGrant } from "./core-objects.ts";
import type { Actor } from "./types.ts";

/** Nodes hear of a revoked key within milliseconds; this bounds it, in milliseconds, should the message be lost. */
const credentialLifetimeMs = 30_000;
/** `last_used_at` is kept to this many milliseconds, so that reading does not become writing. */
const lastUsedStepMs = 300_000;

/** Keys that are remembered, of all tenants; a forgotten one costs a look into the database. */
const mostCredentials = 20_000;
/** Tenants whose people are remembered, and people of each. */
const mostTenants = 2_000;
const mostActors = 5_000;

export interface Credential {
  readonly key: string;
  readonly tenant: string;
  readonly user: string;
  readonly expiresAt: number;
}

interface CachedCredential extends Credential {
  readonly loadedAt: number;
  touchedAt: number;
}

const keyPattern = /^gx_([a-z][a-z0-9]{1,30})_[A-Za-z0-9_-]{20,64}$/;

export const hashKey = (key: string): string => hash("sha256", key);
/** The first characters, to recognise a key by; four of them are secret ones. */
export const prefixOf = (key: string): string => key.slice(0, key.indexOf("_", "gx_".length) + 1 + 4);
export const newKey = (tenant: string): string => `gx_${tenant}_${secret(24)}`;

interface ActorRow extends Record<string, unknown> {
  readonly record: string;
  readonly roles: string;
  readonly positions: string;
}

interface RoleRow {
  readonly name: string;
  readonly administrator: boolean | null;
  readonly rights: RoleGrant["rights"] | null;
  readonly default_rights: RoleGrant["defaultRights"] | null;
  readonly system_rights: RoleGrant["systemRights"] | null;
}

const grantOf = (row: RoleRow): RoleGrant => ({
  all: row.administrator === true,
  rights: { ...coreUnnamed, ...row.rights },
  defaultRights: row.default_rights ?? [],
  systemRights: row.system_rights ?? [],
});

const localeOf = (value: unknown, fallback: Locale): Locale =>
  (locales as readonly unknown[]).includes(value) ? (value as Locale) : fallback;

/** Who a credential is, and what its user may do. */
export class Identity {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #credentials = new Recent<string, CachedCredential>(mostCredentials);
  readonly #actors = new Recent<string, Recent<string, Promise<Actor | undefined>>>(mostTenants);
  /** Counts what was forgotten: a key that was read meanwhile may be revoked since, and is not kept. */
  #forgotten = 0;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Forgets what it knew of a tenant's people and keys. */
  forget(tenant: string): void {
    this.#forgotten++;
    this.#actors.delete(tenant);
    this.#credentials.deleteWhere((c) => c.tenant === tenant);
  }

  forgetAll(): void {
    this.#forgotten++;
    this.#actors.clear();
    this.#credentials.clear();
  }

  /** Throws UNAUTHENTICATED, in the same words whatever is wrong. */
  async credential(key: string): Promise<Credential> {
    const now = this.#clock.now().getTime();
    if (!keyPattern.test(key)) throw new GuanxiError("UNAUTHENTICATED");
    const hashed = hashKey(key);
    let known = this.#credentials.get(hashed);
    if (!known || now - known.loadedAt > credentialLifetimeMs) {
      const forgotten = this.#forgotten;
      const row = await this.#store.registry.findKey(hashed);
      if (!row) throw new GuanxiError("UNAUTHENTICATED");
      known = {
        key: row.id,
        tenant: row.tenant,
        user: row.user,
        expiresAt: row.expiresAt ? Date.parse(row.expiresAt) : Infinity,
        loadedAt: now,
        touchedAt: row.lastUsedAt ? Date.parse(row.lastUsedAt) : 0,
      };
      if (forgotten === this.#forgotten) this.#credentials.set(hashed, known);
    }
    if (known.expiresAt <= now) throw new GuanxiError("UNAUTHENTICATED");
    if (now - known.touchedAt > lastUsedStepMs) {
      known.touchedAt = now;
      await this.#store.registry.touchKey(known.key);
    }
    return known;
  }

  /** The actor that a user is; undefined when there is no such active user. */
  actor(tenant: string, user: string, fallback: Locale): Promise<Actor | undefined> {
    const actors = this.#actors.getOrMake(tenant, () => new Recent(mostActors));
    const known = actors.get(user);
    if (known) return known;
    const load = this.#load(tenant, user, fallback);
    actors.set(user, load);
    load.catch(() => actors.delete(user));
    return load;
  }

  async #load(tenant: string, user: string, fallback: Locale): Promise<Actor | undefined> {
    const s = quotedSchema(tenant);
    const [row] = await this.#store.sql<ActorRow>(
      `SELECT to_json(u)::text AS record,
        (SELECT coalesce(json_agg(r), '[]') FROM ${s}.user_role h JOIN ${s}.role r ON r.id = h.role AND r.deleted_at IS NULL WHERE h.assignee = u.id AND h.deleted_at IS NULL)::text AS roles,
        (SELECT coalesce(json_agg(json_build_object('id', p.id, 'name', p.name) ORDER BY p.name), '[]') FROM ${s}.user_position h
          JOIN ${s}.position p ON p.id = h.position AND p.deleted_at IS NULL WHERE h.assignee = u.id AND h.deleted_at IS NULL)::text AS positions
      FROM ${s}."user" u WHERE u.id = $1 AND u.deleted_at IS NULL AND u.active IS NOT FALSE`,
      [user],
    );
    if (!row) return undefined;
    const record = JSON.parse(row.record) as Record<string, unknown>;
    const roles = JSON.parse(row.roles) as RoleRow[];
    const grants = [memberGrant, ...roles.map(grantOf)];
    if (grants.some((g) => g.systemRights.includes("manage_users"))) grants.push(userManagerGrant);
    return {
      user,
      record,
      name: String(record["name"]),
      email: typeof record["email"] === "string" ? record["email"] : null,
      locale: localeOf(record["locale"], fallback),
      rights: sumRights(grants),
      roles: roles.map((r) => r.name).sort(),
      positions: JSON.parse(row.positions) as Actor["positions"],
    };
  }
}

const actorsOf = perKey((user: ObjectType) =>
  perKey((actor: Actor): Actor => ({ ...actor, record: withPairs(user, actor.record) })),
);

/** The actor as a snapshot's expressions know them: what was read without one has the columns of the user's row. */
export function actorOn({ objects }: Snapshot, actor: Actor): Actor {
  const user = objects.get("user");
  return user?.hasSeveral ? actorsOf(user)(actor) : actor;
}
