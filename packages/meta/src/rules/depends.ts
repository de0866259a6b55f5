import { type Issue, text } from "@guanxi/base";
import { compose } from "@guanxi/expr";
import { pointer } from "../report.ts";
import type { DependsOn, Field, ObjectDefinition, Rule } from "../types.ts";
import { hasAnyOf, type Picklists, sayNoValue } from "./picklists.ts";
import type { RuleSource } from "./source.ts";

/** Reports controlling fields and values that are not there. */
export function checkDepends({ properties }: ObjectDefinition, picklists: Picklists): void {
  const { report } = picklists;
  for (const [name, { dependsOn }] of Object.entries(properties)) {
    if (dependsOn === undefined) continue;
    const path = pointer("properties", name, "dependsOn");
    const own = picklists.find(name, path, ["picklist", "multi_picklist"]);
    const by = picklists.find(dependsOn.field, `${path}/field`, ["picklist", "checkbox"]);
    if (dependsOn.field === name)
      report.say(`${path}/field`, "is the field itself", "不能是字段自身", "不能是欄位自身");
    for (const [key, values] of Object.entries(dependsOn.values)) {
      const at = `${path}/values${pointer(key)}`;
      if (by?.type === "checkbox" && key !== "true" && key !== "false")
        report.add(at, "enum", { values: "true, false" });
      if (by?.type === "picklist") sayNoValue(by, key, at, report);
      if (own) values.forEach((value, i) => sayNoValue(own, value, `${at}/${i}`, report));
    }
  }
}

/** A value must be one that goes with the controlling field's. Values that stay beside each other are not asked about. */
export const dependRules = (source: RuleSource): readonly Rule[] =>
  Object.entries(source.definition.properties).flatMap(([name, { dependsOn }]) => {
    const field = source.fields.get(name);
    return dependsOn === undefined || field === undefined ? [] : [dependRule(field, dependsOn, source)];
  });

function dependRule(field: Field, dependsOn: DependsOn, { object }: RuleSource): Rule {
  const own = compose.field(object, field.name);
  const by = compose.field(object, dependsOn.field);
  const wrong = [...together(field, dependsOn)].map(({ values, keys }) =>
    compose.all(hasAnyOf(own, values), compose.not(compose.known(hasKey(by, keys)))),
  );
  const when = compose.all(compose.any([compose.changed(own), compose.changed(by)]), compose.any(wrong));
  return { when: compose.expression(when), issue: (record) => dependIssue(field, dependsOn, record[dependsOn.field]) };
}

/** The field's values, those together that go with the same values of the controlling field. */
function together(
  field: Field,
  { values }: DependsOn,
): Iterable<{ readonly keys: readonly string[]; readonly values: readonly string[] }> {
  const groups = new Map<string, { keys: readonly string[]; values: string[] }>();
  const allowed = Object.entries(values).map(([key, list]) => [key, new Set(list)] as const);
  for (const { value } of field.values ?? []) {
    const keys = allowed.filter(([, list]) => list.has(value)).map(([key]) => key);
    const group = groups.get(JSON.stringify(keys)) ?? { keys, values: [] };
    group.values.push(value);
    groups.set(JSON.stringify(keys), group);
  }
  return groups.values();
}

function hasKey(by: compose.FieldPart, keys: readonly string[]): compose.Part {
  if (by.type.kind !== "bool") return keys.length === 0 ? compose.never : compose.isOneOf(by, keys);
  return compose.any(keys.map((key) => (key === "true" ? by : compose.not(by))));
}

const noneText = text(
  "must be empty while {field} is {by}",
  "当 {field} 为 {by} 时必须为空",
  "當 {field} 為 {by} 時必須為空",
);

function dependIssue({ name, values = [] }: Field, dependsOn: DependsOn, by: unknown): Issue {
  const key = String(by ?? null);
  const allowed = by !== null && Object.hasOwn(dependsOn.values, key) ? (dependsOn.values[key] ?? []) : [];
  const possible = values.filter((v) => v.active && allowed.includes(v.value)).map((v) => v.value);
  const params = { field: dependsOn.field, by: key, values: possible.join(", ") };
  return { path: `/${name}`, code: "depends", params, ...(possible.length === 0 ? { text: noneText } : {}) };
}
