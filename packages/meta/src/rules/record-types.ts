import { compose } from "@guanxi/expr";
import { fieldTypeOf } from "../infer.ts";
import { pointer, type Report } from "../report.ts";
import type { Field, ObjectDefinition, RecordTypeDefinition, RecordValue, Rule } from "../types.ts";
import { hasAnyOf, type Picklists, sayNoValue, sayOutside } from "./picklists.ts";
import { sayComputed } from "./say-computed.ts";
import type { RuleSource } from "./source.ts";
import { checkStates, stateRules } from "./states.ts";

type Types = readonly (readonly [name: string, type: RecordTypeDefinition])[];

const typesOf = ({ recordTypes = {} }: ObjectDefinition): Types => Object.entries(recordTypes);

/** Reports fields and values that are not there, and a default type that cannot be one. */
export function checkRecordTypes(definition: ObjectDefinition, picklists: Picklists): void {
  const { report } = picklists;
  checkDefaultType(definition, report);
  for (const [name, type] of typesOf(definition)) {
    const path = pointer("recordTypes", name);
    (type.required ?? []).forEach((field, i) => {
      if (!Object.hasOwn(definition.properties, field)) report.add(`${path}/required/${i}`, "unknown", { field });
      else if (fieldTypeOf(definition.properties[field] ?? {}) === "formula")
        sayComputed(`${path}/required/${i}`, report);
    });
    for (const [field, values] of Object.entries(type.picklists ?? {})) {
      const at = `${path}/picklists${pointer(field)}`;
      const picklist = picklists.find(field, at, ["picklist", "multi_picklist"]);
      if (picklist === undefined) continue;
      values.forEach((value, i) => sayNoValue(picklist, value, `${at}/${i}`, report));
      sayOutside(picklist, values, at, report);
    }
    checkStates(type.states ?? {}, `${path}/states`, picklists);
  }
}

function checkDefaultType(definition: ObjectDefinition, report: Report): void {
  const types = typesOf(definition);
  if (types.length > 0 && types.every(([, type]) => type.active === false))
    report.say("/recordTypes", "needs one that is active", "至少需要一个启用的类型", "至少需要一個啟用的類型");
  const marked = types.filter(([, type]) => type.default === true);
  for (const [i, [name, type]] of marked.entries()) {
    const path = `${pointer("recordTypes", name)}/default`;
    if (i > 0) report.say(path, "another type is the default", "已有其他默认类型", "已有其他預設類型");
    else if (type.active === false) report.say(path, "is retired", "已停用", "已停用");
  }
}

/** What the types ask of their records. */
export function recordTypeRules(source: RuleSource): readonly Rule[] {
  const types = typesOf(source.definition);
  return [
    ...requiredRules(types, source),
    ...picklistRules(types, source),
    ...types.flatMap(([name, { states = {} }]) => stateRules(states, source, () => [isOf([name], source)])),
  ];
}

/** Narrows the object's states of a picklist to records of types that have none of their own for it. */
export function withoutOwnStates(source: RuleSource): (picklist: string) => readonly compose.Part[] {
  return (picklist) => {
    const own = typesOf(source.definition).filter(([, { states = {} }]) => Object.hasOwn(states, picklist));
    return own.length === 0
      ? []
      : [
          compose.not(
            isOf(
              own.map(([name]) => name),
              source,
            ),
          ),
        ];
  };
}

const isOf = (types: readonly string[], { object }: RuleSource): compose.Part =>
  compose.isOneOf(compose.field(object, "record_type"), types);

/** By field, what the types say of it. */
const byField = <T>(
  types: Types,
  said: (type: RecordTypeDefinition) => readonly (readonly [field: string, said: T])[],
): Map<string, (readonly [type: string, said: T])[]> => {
  const fields = new Map<string, (readonly [string, T])[]>();
  for (const [name, type] of types)
    for (const [field, what] of said(type)) fields.set(field, [...(fields.get(field) ?? []), [name, what]]);
  return fields;
};

const requiredRules = (types: Types, source: RuleSource): readonly Rule[] =>
  [...byField(types, ({ required = [] }) => required.map((field) => [field, true] as const))].map(([field, of]) => ({
    when: compose.expression(
      compose.all(
        isOf(
          of.map(([name]) => name),
          source,
        ),
        compose.isEmpty(compose.field(source.object, field)),
      ),
    ),
    issue: () => ({ path: `/${field}`, code: "required" }),
  }));

/** A value that stays on a record whose type stays is not asked about. */
const picklistRules = (types: Types, source: RuleSource): readonly Rule[] =>
  [...byField(types, ({ picklists = {} }) => Object.entries(picklists))].map(([name, of]) => {
    const part = compose.field(source.object, name);
    const values = source.fields.get(name)?.values ?? [];
    const wrong = of.flatMap(([type, allowed]) => {
      const others = values.map((v) => v.value).filter((v) => !allowed.includes(v));
      return others.length === 0 ? [] : [compose.all(isOf([type], source), hasAnyOf(part, others))];
    });
    const changes = [part, compose.field(source.object, "record_type")].map(compose.changed);
    return {
      when: compose.expression(compose.all(compose.any(changes), compose.any(wrong))),
      issue: (record) => picklistIssue(source.fields.get(name), new Map(of), record),
    };
  });

function picklistIssue(
  field: Field | undefined,
  allowed: ReadonlyMap<string, readonly string[]>,
  record: RecordValue,
): ReturnType<Rule["issue"]> {
  const list = allowed.get(String(record["record_type"])) ?? [];
  const possible = (field?.values ?? []).filter((v) => v.active && list.includes(v.value)).map((v) => v.value);
  return { path: `/${field?.name}`, code: "enum", params: { values: possible.join(", ") } };
}
