import { compose } from "@guanxi/expr";
import { fieldTypes } from "../field-types/index.ts";
import { fieldTypeOf } from "../infer.ts";
import type { Report } from "../report.ts";
import type { FieldDefinition, FieldTypeName, ObjectDefinition, PicklistValue } from "../types.ts";

/** A field whose values a keyword names. */
interface Picklist {
  readonly name: string;
  readonly definition: FieldDefinition;
  readonly type: FieldTypeName;
  readonly values: readonly PicklistValue[];
}

/** The fields of a definition that is well-formed otherwise, by what keywords say of their values. */
export class Picklists {
  readonly report: Report;
  readonly #properties: ObjectDefinition["properties"];

  constructor({ properties }: ObjectDefinition, report: Report) {
    this.#properties = properties;
    this.report = report;
  }

  /** The field, if it is of one of the `types`; else that is reported. */
  find(name: string, path: string, types: readonly FieldTypeName[]): Picklist | undefined {
    const definition = Object.hasOwn(this.#properties, name) ? this.#properties[name] : undefined;
    const type = definition && fieldTypeOf(definition);
    if (definition === undefined || type === undefined) {
      this.report.add(path, "unknown", { field: name });
      return undefined;
    }
    if (types.includes(type))
      return { name, definition, type, values: fieldTypes[type].shape(definition).values ?? [] };
    const wanted = types.join(" / ");
    this.report.say(path, `${name} is no ${wanted}`, `${name} 不是 ${wanted}`, `${name} 不是 ${wanted}`);
    return undefined;
  }
}

/** A retired value still counts: records have it. */
export function sayNoValue({ name, values }: Picklist, value: string, path: string, report: Report): void {
  if (values.some((v) => v.value === value)) return;
  report.say(path, `"${value}" is no value of ${name}`, `“${value}”不是 ${name} 的值`, `「${value}」不是 ${name} 的值`);
}

/** The condition that a record's field has one of these values, or a list of them any. */
export const hasAnyOf = (part: compose.Part, values: readonly string[]): compose.Part =>
  part.type.kind === "list"
    ? compose.any(values.map((value) => compose.holdsValue(part, value)))
    : compose.isOneOf(part, values);

/** A default outside of `allowed` would have every record refused that says nothing of the field. */
export function sayOutside(
  { name, definition }: Picklist,
  allowed: readonly string[],
  path: string,
  report: Report,
): void {
  const { default: preset } = definition;
  const outside = [preset ?? []].flat().filter((value) => !allowed.includes(value as string));
  if (outside.length === 0) return;
  const value = outside.join(", ");
  report.say(
    path,
    `leaves out "${value}", the default of ${name}`,
    `缺少 ${name} 的默认值“${value}”`,
    `缺少 ${name} 的預設值「${value}」`,
  );
}
