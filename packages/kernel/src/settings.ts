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

type Setting = Exclude<keyof TenantSettings, "tenant" | "schema">;

/** A hundred years; whoever wants more keeps for good. */
const mostDays = 36_500;

interface Rule {
  /** For editors and the API's description; values are held to it. */
  readonly schema: {
    readonly description: string;
    readonly type?: "string" | "integer";
    readonly enum?: readonly string[];
    readonly pattern?: string;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly examples?: readonly string[];
  };
  /** What no schema says. */
  readonly fits?: (value: unknown) => boolean;
  readonly says: Text;
}

/** Settings of a tenant, each with what it must be. */
const rules: Readonly<Record<Setting, Rule>> = {
  locale: {
    schema: { description: "Language of whoever asks for none.", enum: locales },
    says: text(
      `must be one of ${locales.join(", ")}`,
      `必须是 ${locales.join("、")} 之一`,
      `必須是 ${locales.join("、")} 之一`,
    ),
  },
  timeZone: {
    schema: { description: "What a day is: an IANA name.", type: "string", examples: ["Asia/Shanghai"] },
    fits: isTimeZone,
    says: text(
      "must be an IANA time zone such as Asia/Shanghai",
      "必须是 IANA 时区，如 Asia/Shanghai",
      "必須是 IANA 時區，如 Asia/Taipei",
    ),
  },
  currency: {
    schema: { description: "The currency of amounts that name none: ISO 4217.", type: "string", pattern: "^[A-Z]{3}$" },
    says: text("must be an ISO 4217 code such as CNY", "必须是 ISO 4217 代码，如 CNY", "必須是 ISO 4217 代碼，如 TWD"),
  },
  country: {
    schema: {
      description: "Whose phone numbers come without a country's code: ISO 3166.",
      type: "string",
      pattern: "^[A-Z]{2}$",
    },
    says: text("must be an ISO 3166 code such as CN", "必须是 ISO 3166 代码，如 CN", "必須是 ISO 3166 代碼，如 TW"),
  },
  fiscalYearStart: {
    schema: { description: "Month in which the fiscal year begins.", type: "integer", minimum: 1, maximum: 12 },
    says: text("must be a month, 1 to 12", "必须是月份（1 至 12）", "必須是月份（1 至 12）"),
  },
  purgeDeletedAfterDays: {
    schema: {
      description: "Days after which deleted records are purged; 0 keeps them.",
      type: "integer",
      minimum: 0,
      maximum: mostDays,
    },
    says: text(
      `must be a number of days, 1 to ${mostDays}, or 0 to keep deleted records`,
      `必须是天数（1 至 ${mostDays}），0 表示一直保留已删除的记录`,
      `必須是天數（1 至 ${mostDays}），0 表示一直保留已刪除的記錄`,
    ),
  },
};

const settingNames = Object.keys(rules) as readonly Setting[];

/** What the schemas of settings say, and no more. */
function matches(
  { enum: words, pattern, type, minimum = -Infinity, maximum = Infinity }: Rule["schema"],
  value: unknown,
): boolean {
  if (words) return (words as readonly unknown[]).includes(value);
  if (type === "string") return typeof value === "string" && new RegExp(pattern ?? "").test(value);
  return Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
}

export const settingsSchema = {
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(Object.entries(rules).map(([name, { schema }]) => [name, schema])),
} as const;

/** Faults of settings that are to change, below `path`. */
export function settingFaults(settings: Readonly<Record<string, unknown>>, path: string): Issue[] {
  return Object.entries(settings).flatMap(([name, value]): Issue[] => {
    const at = `${path}/${escapeToken(name)}`;
    if (!Object.hasOwn(rules, name)) return [{ path: at, code: "unknown", params: { field: name } }];
    const { schema, fits = () => true, says } = rules[name as Setting];
    return matches(schema, value) && fits(value) ? [] : [{ path: at, code: "definition", text: says }];
  });
}

/** Those that users see and may change. */
export const shownSettings = (settings: TenantSettings): Pick<TenantSettings, Setting> =>
  Object.fromEntries(settingNames.map((name) => [name, settings[name]])) as Pick<TenantSettings, Setting>;
