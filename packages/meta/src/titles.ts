import type { Locale, Text } from "@guanxi/base";

/** The text of `title` and `titles`; `titles.en`, where given, is the English one. */
export const titleText = (title: string, titles: Partial<Record<Locale, string>> = {}): Text => ({
  en: title,
  ...titles,
});
