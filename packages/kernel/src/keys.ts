import { covers, type Rights } from "@guanxi/access";
import { GuanxiError, isId, isObject, type Issue, newId } from "@guanxi/base";
import { canonicalInstant, unstorable } from "@guanxi/meta";
import type { ApiKeyRow, Store } from "@guanxi/store";
import { accessChannel } from "./channels.ts";
import { hashKey, newKey, prefixOf } from "./identity.ts";
import type { Session } from "./types.ts";

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  /** The first characters, to recognise it by. */
  readonly prefix: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

export interface Keys {
  /** The key itself is in the answer this one time. */
  create(session: Session, request: unknown): Promise<ApiKey & { key: string }>;
  list(session: Session): Promise<readonly ApiKey[]>;
  revoke(session: Session, id: string): Promise<void>;
}

const instant = (time: string): string => new Date(time).toISOString();

const toKey = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  user: row.user,
  prefix: row.prefix,
  created_at: instant(row.createdAt),
  expires_at: row.expiresAt && instant(row.expiresAt),
  last_used_at: row.lastUsedAt && instant(row.lastUsedAt),
});

/** Characters of a key's name; as many as a list can show. */
const longestName = 200;

const manages = (session: Session): boolean => session.actor.rights.system.has("manage_keys");

interface KeyRequest {
  readonly name: string;
  readonly user: string;
  readonly expiresAt: string | null;
}

function nameIssues(name: unknown): Issue[] {
  if (typeof name !== "string" || name.trim() === "") return [{ path: "/name", code: "required" }];
  if (unstorable(name)) return [{ path: "/name", code: "characters" }];
  return name.length > longestName ? [{ path: "/name", code: "maxLength", params: { limit: longestName } }] : [];
}

function parseRequest(session: Session, input: unknown): KeyRequest {
  if (!isObject(input))
    throw new GuanxiError("VALIDATION", { issues: [{ path: "", code: "type", params: { type: "object" } }] });
  const { name, user = session.actor.user, expires_at: expires = null, ...others } = input as Record<string, unknown>;
  const expiresAt = typeof expires === "string" ? canonicalInstant(expires) : undefined;
  const issues: Issue[] = Object.keys(others).map((k) => ({ path: `/${k}`, code: "unknown", params: { field: k } }));
  issues.push(...nameIssues(name));
  if (!isId(user)) issues.push({ path: "/user", code: "format", params: { format: "uuid" } });
  if (expires !== null && (expiresAt === undefined || Date.parse(expiresAt) <= session.now.getTime()))
    issues.push({ path: "/expires_at", code: "definition", params: { message: "must be a time in the future" } });
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return { name: name as string, user: user as string, expiresAt: expiresAt ?? null };
}

interface Env {
  readonly store: Store;
  /** The rights of an active user; undefined when there is none. */
  rightsOf(session: Session, user: string): Promise<Rights | undefined>;
  /** This process knows keys of the tenant that are not valid any more. */
  forget(tenant: string): void;
}

/** API keys of a tenant. Everyone may make and revoke their own; others' need the right `manage_keys`. */
export function createKeys({ store, rightsOf, forget }: Env) {
  /** A key of somebody who may do more would be a way to do more. */
  async function checkUser(session: Session, user: string): Promise<void> {
    const { actor, snapshot } = session;
    if (user === actor.user) return;
    if (!manages(session))
      throw new GuanxiError("FORBIDDEN", { detail: "A key for another user needs the system right manage_keys." });
    const rights = await rightsOf(session, user);
    if (!rights)
      throw new GuanxiError("VALIDATION", {
        issues: [{ path: "/user", code: "reference", params: { target: "user" } }],
      });
    if (!covers(actor.rights, rights, snapshot.objects.keys()))
      throw new GuanxiError("FORBIDDEN", {
        detail: "This user may do more than you: only an administrator may do this.",
      });
  }

  return {
    async create(session: Session, input: unknown): Promise<ApiKey & { key: string }> {
      const wanted = parseRequest(session, input);
      await checkUser(session, wanted.user);
      const key = newKey(session.tenant.id);
      const row = await store.registry.addKey({
        id: newId(),
        tenant: session.tenant.id,
        user: wanted.user,
        name: wanted.name,
        prefix: prefixOf(key),
        hash: hashKey(key),
        expiresAt: wanted.expiresAt,
      });
      return { ...toKey(row), key };
    },
    async list(session: Session): Promise<readonly ApiKey[]> {
      const rows = await store.registry.listKeys(session.tenant.id);
      return rows.filter((r) => manages(session) || r.user === session.actor.user).map(toKey);
    },
    async revoke(session: Session, id: string): Promise<void> {
      const rows = isId(id) ? await store.registry.listKeys(session.tenant.id) : [];
      const row = rows.find((r) => r.id === id && (manages(session) || r.user === session.actor.user));
      if (!row || !(await store.registry.revokeKey(session.tenant.id, id, accessChannel)))
        throw new GuanxiError("NOT_FOUND", { detail: "There is no such key." });
      forget(session.tenant.id);
    },
  };
}
