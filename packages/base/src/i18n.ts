/** The languages every message and title exists in. A missing translation falls back to English. */
export const locales = ["en", "zh-CN", "zh-TW"] as const;
export type Locale = (typeof locales)[number];

/** A text in several languages; `en` is always there. */
export type Text = { readonly en: string } & { readonly [L in Locale]?: string };

export const text = (en: string, zhCN: string, zhTW: string): Text => ({ en, "zh-CN": zhCN, "zh-TW": zhTW });

/** Fills `{name}` placeholders of the text in the wanted language. */
export function render(t: Text, locale: Locale, params: Readonly<Record<string, unknown>> = {}): string {
  const template = t[locale] ?? t.en;
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => (key in params ? String(params[key]) : whole));
}

const traditional = /^zh-(?:hant|tw|hk|mo)\b/;

/** The best supported language for an `Accept-Language` header (RFC 9110 §12.5.4); `fallback` when none fits. */
export function pickLocale(header: string | undefined | null, fallback: Locale = "en"): Locale {
  if (!header) return fallback;
  const wanted = header
    .split(",")
    .map((part) => {
      const [tag = "", ...parameters] = part.trim().toLowerCase().split(";");
      const q = parameters.map((p) => p.trim()).find((p) => p.startsWith("q="));
      return { tag: tag.trim(), q: q ? Number(q.slice(2)) : 1 };
    })
    .filter((w) => w.q > 0)
    .sort((a, b) => b.q - a.q);
  for (const { tag } of wanted) {
    if (traditional.test(tag)) return "zh-TW";
    if (tag === "zh" || tag.startsWith("zh-")) return "zh-CN";
    if (tag === "en" || tag.startsWith("en-")) return "en";
  }
  return fallback;
}
