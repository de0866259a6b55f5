import { type Locale, render, text } from "@guanxi/base";
import type { ObjectRight, RouteRight } from "@guanxi/kernel";
import type { RecordRoute } from "../records/routes.ts";

const keyAlone = text("Any API key will do.", "任何 API 密钥均可。", "任何 API 金鑰均可。");
const systemRight = text("Needs the system right `{right}`.", "需要系统权限 `{right}`。", "需要系統權限 `{right}`。");
const onPlural = text(
  "Needs the right `{right}` on the object.",
  "需要该对象的 `{right}` 权限。",
  "需要該物件的 `{right}` 權限。",
);
const onObject = text(
  "Needs {rights} on `{object}`.",
  "需要 `{object}` 的 {rights} 权限。",
  "需要 `{object}` 的 {rights} 權限。",
);
const onObjectEither = text(
  "Needs {rights} and one of {either} on `{object}`: each does its part.",
  "需要 `{object}` 的 {rights} 权限以及 {either} 之一，各权限仅允许相应的操作。",
  "需要 `{object}` 的 {rights} 權限以及 {either} 之一，各權限僅允許相應的操作。",
);

/** What a caller of a fixed address needs, in a sentence. */
export function rightText(right: RouteRight | undefined, locale: Locale): string {
  if (right === undefined) return render(keyAlone, locale);
  return typeof right === "string"
    ? render(systemRight, locale, { right })
    : render(onPlural, locale, { right: right.object });
}

/** What a caller of an object's call needs. */
export function objectRightsText({ rights, either = [], system }: RecordRoute, object: string, locale: Locale): string {
  const quoted = (all: readonly ObjectRight[]): string => all.map((right) => `\`${right}\``).join(", ");
  const params = { rights: quoted(rights), either: quoted(either), object };
  const onRecords = render(either.length === 0 ? onObject : onObjectEither, locale, params);
  return system === undefined ? onRecords : `${onRecords} ${render(systemRight, locale, { right: system })}`;
}
