import { errorCatalogue, type GuanxiError, type Issue, issueMessage, type Locale, render } from "@guanxi/base";
import type { Mapping } from "../mapping/check.ts";

/** Issues as one line, `Close Date: must be a valid date; amount: is required`: by column where the file has one for the field. */
export function reasonOf(issues: readonly Issue[], mapping: Mapping, locale: Locale): string {
  const columns = new Map(
    [...mapping.bindings].flatMap(([column, found]) => found.map(({ field }) => [field.name, column] as const)),
  );
  const lines = issues.map((issue) => {
    const [, name = "", ...inner] = issue.path.split("/");
    const field = name.replaceAll("~1", "/").replaceAll("~0", "~");
    const found = mapping.object.fields.get(field);
    const hasParts = found?.exprType.kind === "parts" || found?.branches !== undefined;
    const part = hasParts ? [field, ...inner].join(".") : field;
    const place = part === field ? [columns.get(field) ?? field, ...inner].join("/") : (columns.get(part) ?? part);
    const message = issueMessage(issue, locale);
    return place === "" ? message : `${place}: ${message}`;
  });
  // PostgreSQL keeps no NUL, and a message may quote what stood in the file.
  return [...new Set(lines)].join("; ").toWellFormed().replaceAll("\0", "\uFFFD");
}

/** The issues of an error, or what it says of itself when it has none; as the row's own. */
export function issuesOf(error: GuanxiError): readonly Issue[] {
  if (error.issues.length > 0) return error.issues;
  const { title } = errorCatalogue[error.code];
  const detail = error.detail === undefined ? "" : ` ${error.detail}`;
  return [{ path: "", code: "refused", params: { message: "" }, text: withDetail(title, detail) }];
}

const withDetail = (title: (typeof errorCatalogue)[keyof typeof errorCatalogue]["title"], detail: string) => ({
  en: `${render(title, "en")}${detail && `:${detail}`}`,
  "zh-CN": `${render(title, "zh-CN")}${detail && `：${detail.trim()}`}`,
  "zh-TW": `${render(title, "zh-TW")}${detail && `：${detail.trim()}`}`,
});
