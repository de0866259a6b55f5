import { GuanxiError, isObject, type Issue } from "@guanxi/base";
import { pointer } from "@guanxi/meta";
import { coreObjects } from "../core-objects.ts";
import { quote } from "@guanxi/store";
import type { Plugin, Records, RoleDefinition, Session } from "../types.ts";
import type { Definition, DefinitionKind } from "./types.ts";

/** What a role says of itself in the core; fields that a tenant adds to roles belong to its records. */
const members = ["description", "administrator", "rights", "default_rights", "system_rights"] as const;

/** Of a role's fields what an editor checks; titles are for forms. */
const memberSchema = (member: string): Readonly<Record<string, unknown>> => {
  const field = coreObjects.find(({ name }) => name === "role")?.properties?.[member] ?? {};
  return Object.fromEntries(
    Object.entries(field).filter(([word]) => !["title", "titles", "unique", "default"].includes(word)),
  );
};

/** A role as it is put. */
export const roleSchema = {
  type: "object",
  required: ["name"],
  additionalProperties: false,
  properties: Object.fromEntries(["name", ...members].map((member) => [member, memberSchema(member)])),
} as const;

/** The role of whoever a tenant is given to. */
export const adminRole = { name: "administrator", administrator: true, description: "May do everything." };

/** A role of a plugin as its record. */
export const roleRecord = (role: RoleDefinition): Definition => ({
  name: role.name,
  rights: role.rights,
  ...(role.title ? { description: role.title } : {}),
  ...(role.default_rights ? { default_rights: role.default_rights } : {}),
  ...(role.system_rights ? { system_rights: role.system_rights } : {}),
});

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === false || (isObject(value) && Object.keys(value).length === 0);

/** Without what is as it is in any role that does not say it; rights by the object's name. */
function canonical(role: Readonly<Record<string, unknown>>): Definition {
  const said = members.flatMap((member) => {
    const value = role[member];
    if (isEmpty(value) || (Array.isArray(value) && value.length === 0)) return [];
    return [[member, isObject(value) ? sorted(value) : value] as const];
  });
  return { name: String(role["name"]), ...Object.fromEntries(said) };
}

const sorted = (value: object): object =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

/** A role as it is put; DEFINITION for what no role has. */
function parseRole(body: unknown): Definition {
  const role = body as Record<string, unknown>;
  const known = new Set<string>(["name", ...members]);
  const issues = Object.keys(role)
    .filter((key) => !known.has(key))
    .map((key): Issue => ({ path: pointer(key), code: "unknown", params: { field: key } }));
  if (typeof role["name"] !== "string") issues.push({ path: "/name", code: "type", params: { type: "string" } });
  if (issues.length > 0) throw new GuanxiError("DEFINITION", { issues });
  return canonical(role);
}

/** Checks a role without storing it. */
export function checkRole({ snapshot, now }: Session, body: unknown): void {
  const issues = snapshot.objects.get("role")?.prepareCreate(parseRole(body), { now }).issues ?? [];
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
}

interface Env {
  readonly plugins: readonly Plugin[];
  readonly records: Records;
  /** The session with all that belongs to it, on what its transaction has written. */
  refresh(session: Session): Promise<Session>;
}

/** Roles are records, known here by their name. Whoever may write them may do so in a change set too. */
export function roleKind({ plugins, records, refresh }: Env): DefinitionKind {
  async function idOf(session: Session, name: string): Promise<string | undefined> {
    const [row] = await session.connection.sql<{ id: string }>(
      `SELECT id FROM ${quote(session.tenant.schema)}.role WHERE deleted_at IS NULL AND name = $1`,
      [name],
    );
    return row?.id;
  }
  return {
    name: "roles",
    one: "role",
    namesObjects: true,
    async read(session) {
      const rows = await session.connection.sql<{ role: string }>(
        `SELECT json_build_object('name', name, ${members.map((m) => `'${m}', ${m}`).join(", ")})::text AS role
         FROM ${quote(session.tenant.schema)}.role WHERE deleted_at IS NULL ORDER BY name COLLATE "C"`,
      );
      const roles = rows.map(({ role }) => canonical(JSON.parse(role) as Record<string, unknown>));
      return new Map(roles.map((role) => [role.name, role]));
    },
    brought: (names) => [
      canonical(adminRole),
      ...plugins.filter((p) => names.includes(p.name)).flatMap((p) => (p.roles ?? []).map(roleRecord).map(canonical)),
    ],
    parse: parseRole,
    async put(session, role) {
      const record = Object.fromEntries(members.map((member) => [member, role[member] ?? unsaid[member]]));
      const [id, on] = [await idOf(session, role.name), await refresh(session)];
      if (id === undefined) await records.create(on, "role", { ...record, name: role.name });
      else await records.update(on, "role", id, record);
    },
    async remove(session, name) {
      const id = await idOf(session, name);
      if (id !== undefined) await records.delete(await refresh(session), "role", id);
    },
  };
}

const unsaid: Readonly<Record<(typeof members)[number], unknown>> = {
  description: null,
  administrator: false,
  rights: {},
  default_rights: null,
  system_rights: null,
};
