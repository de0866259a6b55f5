import { GuanxiError, isObject, type Issue, type Locale, text } from "@guanxi/base";
import { compileSnapshot, escapeToken, type ObjectType, storeDefinition, unstorable } from "@guanxi/meta";
import { coreObjects } from "./core-objects.ts";
import { settingFaults } from "./settings.ts";
import type { Plugin } from "./types.ts";

export interface NewTenant {
  readonly id: string;
  readonly name: string;
  readonly admin: { readonly email: string; readonly name?: string };
  readonly plugins?: readonly string[];
  readonly locale?: Locale;
  readonly timeZone?: string;
  readonly currency?: string;
  readonly country?: string;
}

export const tenantIdPattern = /^[a-z][a-z0-9]{1,30}$/;
export const tenantIdRule = text(
  "must be 2 to 31 lower-case letters and digits and begin with a letter",
  "必须为 2 到 31 个小写字母和数字，且以字母开头",
  "必須為 2 到 31 個小寫字母和數字，且以字母開頭",
);

/** Characters of a tenant's name; as many as a list can show. */
const longestName = 200;

const members = new Set(["id", "name", "admin", "plugins", "locale", "timeZone", "currency", "country"]);

const membersOf = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});

const unknown = (path: string, key: string): Issue => ({
  path: `${path}/${escapeToken(key)}`,
  code: "unknown",
  params: { field: key },
});

let user: ObjectType | undefined;

/** The core's own user, as it is in every tenant at first. */
function coreUser(): ObjectType {
  if (user) return user;
  let id = 1;
  const stored = coreObjects.map((object) => storeDefinition(undefined, object, "core", () => id++));
  const settings = { tenant: "", schema: "", locale: "en", timeZone: "UTC", currency: "USD", country: "US" } as const;
  user = compileSnapshot({ ...settings, fiscalYearStart: 1 }, 1, stored).objects.get("user");
  if (!user) throw new Error("the core has no user");
  return user;
}

/** The first administrator is held to what any user is held to. */
function parseAdmin(input: unknown, issues: Issue[]): NewTenant["admin"] & { name: string } {
  const { email, name = "Administrator", ...others } = membersOf(input);
  issues.push(...Object.keys(others).map((key) => unknown("/admin", key)));
  const given = email === undefined ? { name } : { name, email };
  const { value, issues: found } = coreUser().prepareCreate(given, { now: new Date(0) });
  issues.push(...found.map((issue) => ({ ...issue, path: `/admin${issue.path}` })));
  return { email: value["email"] as string, name: value["name"] as string };
}

const isName = (name: unknown): boolean =>
  typeof name === "string" && name.length > 0 && name.length <= longestName && !unstorable(name);
const nameRule = text(
  `must be a text of 1 to ${longestName} characters`,
  `必须为 1 到 ${longestName} 个字符的文本`,
  `必須為 1 到 ${longestName} 個字元的文字`,
);

function refuseOther(input: unknown): asserts input is object {
  if (!isObject(input))
    throw new GuanxiError("VALIDATION", { issues: [{ path: "", code: "type", params: { type: "object" } }] });
}

/** Checks a request for a copy of a tenant; VALIDATION with all faults at once. */
export function parseCopy(input: unknown): { id: string; name: string | undefined } {
  refuseOther(input);
  const { id, name, ...others } = membersOf(input);
  const issues: Issue[] = Object.keys(others).map((key) => unknown("", key));
  if (id === undefined) issues.push({ path: "/id", code: "required" });
  else if (typeof id !== "string" || !tenantIdPattern.test(id))
    issues.push({ path: "/id", code: "definition", text: tenantIdRule });
  if (name !== undefined && !isName(name)) issues.push({ path: "/name", code: "definition", text: nameRule });
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return { id: id as string, name: name as string | undefined };
}

/** Checks a request for a tenant; VALIDATION with all faults at once. */
export function parseTenant(input: unknown, plugins: readonly Plugin[]): Required<NewTenant> {
  refuseOther(input);
  const { id, name = id, ...value } = membersOf(input);
  const { plugins: wanted = [], locale = "en", timeZone = "UTC", currency = "USD", country = "US" } = value;
  const issues: Issue[] = Object.keys(input)
    .filter((key) => !members.has(key))
    .map((key) => unknown("", key));
  const check = (ok: boolean, path: string, message: string): void => {
    if (!ok) issues.push({ path, code: "definition", params: { message } });
  };
  if (typeof id !== "string" || !tenantIdPattern.test(id))
    issues.push({ path: "/id", code: "definition", text: tenantIdRule });
  if (!isName(name)) issues.push({ path: "/name", code: "definition", text: nameRule });
  issues.push(...settingFaults({ locale, timeZone, currency, country }, ""));

  const names = plugins.map((p) => p.name);
  check(
    Array.isArray(wanted) && wanted.every((p) => names.includes(p as string)),
    "/plugins",
    `must be a list of: ${names.join(", ")}`,
  );
  for (const { name: plugin, requires = [] } of plugins.filter((p) => (wanted as string[]).includes(p.name))) {
    const missing = requires.filter((other) => !(wanted as string[]).includes(other));
    check(missing.length === 0, "/plugins", `must also have ${missing.join(", ")}, which ${plugin} requires`);
  }
  const admin = parseAdmin(value["admin"], issues);
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return {
    id: id as string,
    name: name as string,
    admin,
    plugins: [...new Set(wanted as string[])],
    locale: locale as Locale,
    timeZone: timeZone as string,
    currency: currency as string,
    country: country as string,
  };
}
