import { GuanxiError, isId, type Issue, newId } from "@guanxi/base";
import type { ApiKeyRow, Store } from "@guanxi/store";
import { hashKey, newKey } from "./identity.ts";
import type { ApiKey, Records, Session } from "./types.ts";

const toKey = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  user: row.user,
  prefix: row.prefix,
  createdAt: row.createdAt,
  expiresAt: row.expiresAt,
  lastUsedAt: row.lastUsedAt,
});

const manages = (session: Session): boolean => session.actor.rights.system.has("manage_keys");

function parseRequest(session: Session, input: unknown): { name: string; user: string; expiresAt: string | null } {
  const value = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
  const { name, user = session.actor.user, expires_at: expires = null } = value;
  const issues: Issue[] = Object.keys(value)
    .filter((k) => !["name", "user", "expires_at"].includes(k))
    .map((k) => ({ path: `/${k}`, code: "unknown", params: { field: k } }));
  if (typeof name !== "string" || name.trim() === "") issues.push({ path: "/name", code: "required" });
  if (!isId(user)) issues.push({ path: "/user", code: "format", params: { format: "uuid" } });
  if (expires !== null && (typeof expires !== "string" || !(Date.parse(expires) > session.now.getTime()))) {
    issues.push({ path: "/expires_at", code: "definition", params: { message: "must be a time in the future" } });
  }
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return { name: name as string, user: user as string, expiresAt: expires as string | null };
}

/** API keys of a tenant. Everyone may make and revoke their own; others' need the right `manage_keys`. */
export function createKeys(store: Store, records: Records, changed: (tenant: string) => void) {
  return {
    async create(session: Session, input: unknown): Promise<ApiKey & { key: string }> {
      const wanted = parseRequest(session, input);
      if (wanted.user !== session.actor.user && !manages(session))
        throw new GuanxiError("FORBIDDEN", { detail: "A key for another user needs the system right manage_keys." });
      try {
        await records.get(session, "user", wanted.user, { select: "id" });
      } catch (cause) {
        throw new GuanxiError("VALIDATION", {
          issues: [{ path: "/user", code: "reference", params: { target: "user" } }],
          cause,
        });
      }
      const key = newKey(session.tenant.id);
      const row = await store.registry.addKey({
        id: newId(),
        tenant: session.tenant.id,
        user: wanted.user,
        name: wanted.name,
        prefix: key.slice(0, key.indexOf("_", 3) + 5),
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
      if (!row || !(await store.registry.revokeKey(session.tenant.id, id)))
        throw new GuanxiError("NOT_FOUND", { detail: "There is no such key." });
      changed(session.tenant.id);
    },
  };
}
