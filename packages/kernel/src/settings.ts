import { type Issue, locales } from "@guanxi/base";
import { escapeToken, type TenantSettings } from "@guanxi/meta";

/** An IANA name; an offset would mean its opposite to PostgreSQL. */
function isTimeZone(value: unknown): boolean {
  if (typeof value !== "string" || !/^[A-Za-z]/.test(value)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

const matches =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === "string" && pattern.test(value);

type Setting = Exclude<keyof TenantSettings, "tenant" | "schema">;

/** Settings of a tenant, each with what it must be. */
const rules: Readonly<Record<Setting, { readonly fits: (value: unknown) => boolean; readonly message: string }>> = {
  locale: {
    fits: (value) => (locales as readonly unknown[]).includes(value),
    message: `must be one of ${locales.join(", ")}`,
  },
  timeZone: { fits: isTimeZone, message: "must be an IANA time zone such as Asia/Shanghai" },
  currency: { fits: matches(/^[A-Z]{3}$/), message: "must be an ISO 4217 code such as CNY" },
  country: { fits: matches(/^[A-Z]{2}$/), message: "must be an ISO 3166 code such as CN" },
  fiscalYearStart: {
    fits: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 12,
    message: "must be a month, 1 to 12",
  },
};

const settingNames = Object.keys(rules) as readonly Setting[];

/** Faults of settings that are to change, below `path`. */
export function settingFaults(settings: Readonly<Record<string, unknown>>, path: string): Issue[] {
  return Object.entries(settings).flatMap(([name, value]): Issue[] => {
    const at = `${path}/${escapeToken(name)}`;
    if (!Object.hasOwn(rules, name)) return [{ path: at, code: "unknown", params: { field: name } }];
    const { fits, message } = rules[name as Setting];
    return fits(value) ? [] : [{ path: at, code: "definition", params: { message } }];
  });
}

/** Those that users see and may change. */
export const shownSettings = (settings: TenantSettings): Pick<TenantSettings, Setting> =>
  Object.fromEntries(settingNames.map((name) => [name, settings[name]])) as Pick<TenantSettings, Setting>;
