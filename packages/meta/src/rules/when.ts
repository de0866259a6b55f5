import { text } from "@guanxi/base";
import { compose } from "@guanxi/expr";
import { pointer } from "../report.ts";
import type { Rule } from "../types.ts";
import { readExpression, type RuleSource } from "./source.ts";

const requiredText = text("is required when {condition}", "当 {condition} 时必填", "當 {condition} 時必填");
const lockedText = text("cannot be changed when {condition}", "当 {condition} 时不能更改", "當 {condition} 時不能變更");

/** `requiredWhen` and `readonlyWhen` of the fields. */
export const conditionalRules = (source: RuleSource): readonly Rule[] =>
  Object.entries(source.definition.properties).flatMap(([name, { requiredWhen, readonlyWhen }]) => [
    ...(requiredWhen === undefined ? [] : required(name, requiredWhen, source)),
    ...(readonlyWhen === undefined ? [] : locked(name, readonlyWhen, source)),
  ]);

/** Every write is held to it, as it is to `required`. */
function required(name: string, condition: string, source: RuleSource): readonly Rule[] {
  const path = pointer("properties", name, "requiredWhen");
  const when = readExpression(condition, source, { path, old: true, kind: "bool" });
  if (when === undefined) return [];
  const told = { path: `/${name}`, code: "required", params: { condition }, text: requiredText } as const;
  const broken = compose.all(when.root, compose.isEmpty(compose.field(source.object, name)));
  return [{ when: compose.expression(broken), issue: () => told }];
}

/** The record's state before the change is what locks the field, or a change could unlock it for itself. An amount's currency is locked with it. */
function locked(name: string, condition: string, source: RuleSource): readonly Rule[] {
  const path = pointer("properties", name, "readonlyWhen");
  const when = readExpression(condition, source, { path, old: false, kind: "bool" });
  if (when === undefined) return [];
  const told = { path: `/${name}`, code: "read_only", params: { condition }, text: lockedText } as const;
  const currency = source.fields.get(name)?.currencyField;
  const locks = [name, ...(currency === undefined ? [] : [currency])];
  const broken = compose.all(
    compose.not(compose.isNew(source.object)),
    compose.any(locks.map((field) => compose.changed(compose.field(source.object, field)))),
    compose.before(when),
  );
  return [{ when: compose.expression(broken), issue: () => told }];
}
