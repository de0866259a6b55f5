import { referredIdSql, referredObjectSql } from "@guanxi/expr";
import type { SeveralField } from "@guanxi/meta";
import { literal, quote } from "./parameters.ts";

/** The value of a reference to records of several objects in the row `alias`, or its part `object` or `id`. */
export function severalSql(field: SeveralField, alias: string, part?: string): string {
  const column = (name: string): string => `${alias}.${quote(name)}`;
  const branches = field.branches.map(({ target = "", name }) => ({ target, field: name }));
  if (part === "object") return referredObjectSql(branches, column);
  if (part === "id") return referredIdSql(branches, column);
  const cases = branches.map(
    ({ target, field: name }) =>
      `WHEN ${column(name)} IS NOT NULL THEN jsonb_build_object('object', ${literal(target)}, 'id', ${column(name)})`,
  );
  return `(CASE ${cases.join(" ")} END)`;
}
