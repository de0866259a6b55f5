import { type Issue, locales, type Text, text } from "@guanxi/base";
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

/** A hundred years; whoever wants more keeps for good. */
const mostDays = 36_500;

/** Settings of a tenant, each with what it must be. */
const rules: Readonly<Record<Setting, { readonly fits: (value: unknown) => boolean; readonly says: Text }>> = {
  locale: {
    fits: (value) => (locales as readonly unknown[]).includes(value),
    says: text(
      `must be one of ${locales.join(", ")}`,
      `必须是 ${locales.join("、")} 之一`,
      `必須是 ${locales.join("、")} 之一`,
    ),
  },
  timeZone: {
    fits: isTimeZone,
    says: text(
      "must be an IANA time zone such as Asia/Shanghai",
      "必须是 IANA 时区，如 Asia/Shanghai",
      "必須是 IANA 時區，如 Asia/Taipei",
    ),
  },
  currency: {
    fits: matches(/^[A-Z]{3}$/),
    says: text("must be an ISO 4217 code such as CNY", "必须是 ISO 4217 代码，如 CNY", "必須是 ISO 4217 代碼，如 TWD"),
  },
  country: {
    fits: matches(/^[A-Z]{2}$/),
    says: text("must be an ISO 3166 code such as CN", "必须是 ISO 3166 代码，如 CN", "必須是 ISO 3166 代碼，如 TW"),
  },
  fiscalYearStart: {
    fits: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 12,
    says: text("must be a month, 1 to 12", "必须是月份（1 至 12）", "必須是月份（1 至 12）"),
  },
  purgeDeletedAfterDays: {
    fits: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= mostDays,
    says: text(
      `must be a number of days, 1 to ${mostDays}, or 0 to keep deleted records`,
      `必须是天数（1 至 ${mostDays}），0 表示一直保留已删除的记录`,
      `必須是天數（1 至 ${mostDays}），0 表示一直保留已刪除的記錄`,
    ),
  },
};

const settingNames = Object.keys(rules) as readonly Setting[];

/** Faults of settings that are to change, below `path`. */
export function settingFaults(settings: Readonly<Record<string, unknown>>, path: string): Issue[] {
  return Object.entries(settings).flatMap(([name, value]): Issue[] => {
    const at = `${path}/${escapeToken(name)}`;
    if (!Object.hasOwn(rules, name)) return [{ path: at, code: "unknown", params: { field: name } }];
    const { fits, says } = rules[name as Setting];
    return fits(value) ? [] : [{ path: at, code: "definition", text: says }];
  });
}

/** Those that users see and may change. */
export const shownSettings = (settings: TenantSettings): Pick<TenantSettings, Setting> =>
  Object.fromEntries(settingNames.map((name) => [name, settings[name]])) as Pick<TenantSettings, Setting>;
