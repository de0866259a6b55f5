import { GuanxiError, type Issue, type IssueCode, text } from "@guanxi/base";
import { type Field, type ObjectType, pointer, type Snapshot } from "@guanxi/meta";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { Reading } from "./convert.ts";
import { compileFormat, type DateReader, isTimeZone } from "./dates.ts";
import type { ColumnMapping, ColumnTarget, DurationUnit, ImportMode, MappingDefinition } from "./definition.ts";
import { isAskable, lookedUpBy, type LookedUp, namedBy } from "./paths.ts";
import { mappingSchema } from "./schema.ts";

/** What a column becomes, with every name resolved. */
export interface Binding {
  readonly column: string;
  readonly field: Field;
  /** The column holds a field of the reference's target, or of the list's. */
  readonly lookup: LookedUp | undefined;
  readonly values: ReadonlyMap<string, unknown>;
  readonly reading: Reading;
  readonly trim: boolean | undefined;
  readonly nulls: ReadonlySet<string> | undefined;
}

/** A mapping on a snapshot. */
export interface Mapping {
  readonly object: ObjectType;
  readonly mode: ImportMode;
  readonly key: Field | undefined;
  /** By column; none for those that are left out. */
  readonly bindings: ReadonlyMap<string, readonly Binding[]>;
  readonly constants: ReadonlyMap<string, unknown>;
  readonly clears: boolean;
  /** What a column that the mapping does not name becomes: nothing when it is left out; an issue when it must not be there. */
  match(column: string): readonly Binding[] | Issue;
}

let ajv: ((value: unknown) => readonly ErrorObject[]) | undefined;

function shapeFaults(value: unknown): readonly ErrorObject[] {
  if (ajv === undefined) {
    const validate = new Ajv2020({ allErrors: true, strict: false, logger: false }).compile(mappingSchema);
    ajv = (v) => (validate(v) ? [] : (validate.errors ?? []));
  }
  return ajv(value);
}

const shapeIssue = (e: ErrorObject): Issue => {
  const unknown = e.params["additionalProperty"] as string | undefined;
  if (unknown !== undefined)
    return { path: e.instancePath + pointer(unknown), code: "unknown", params: { field: unknown } };
  const missing = e.params["missingProperty"] as string | undefined;
  if (missing !== undefined) return { path: e.instancePath + pointer(missing), code: "required" };
  return { path: e.instancePath, code: "schema", params: { keyword: e.keyword } };
};

const says = (path: string, en: string, cn: string, tw: string, params: Record<string, unknown> = {}): Issue => ({
  path,
  code: "definition",
  text: text(en, cn, tw),
  params,
});

/** The value as a mapping, its shape checked. Throws DEFINITION with every fault. */
export function readMapping(value: unknown): MappingDefinition {
  const faults = shapeFaults(value);
  if (faults.length > 0) throw new GuanxiError("DEFINITION", { issues: faults.map(shapeIssue) });
  return value as MappingDefinition;
}

export interface Wanted {
  readonly mode?: ImportMode | undefined;
  readonly key?: string | undefined;
}

/** The mapping on the snapshot's object. Throws DEFINITION with every fault. `wanted` wins over what the mapping says. */
export function compileMapping(
  definition: MappingDefinition,
  snapshot: Snapshot,
  object: ObjectType,
  wanted: Wanted = {},
): Mapping {
  const issues: Issue[] = [];
  const mode = wanted.mode ?? definition.mode ?? ((wanted.key ?? definition.key) === undefined ? "create" : "upsert");
  const key = readKey(definition, wanted, mode, object, issues);
  const context: Context = { definition, snapshot, object, key, issues };
  const bindings = new Map<string, readonly Binding[]>();
  const taken = new Set<string>();
  for (const [column, given] of Object.entries(definition.columns ?? {})) {
    const found = targetsOf(column, given).flatMap(([path, target]) => {
      const binding = bind(context, column, target, path);
      if (binding && taken.has(binding.field.name))
        issues.push(says(path, "another column is this field already", "该字段已有其他列", "該欄位已有其他欄"));
      if (binding) taken.add(binding.field.name);
      return binding ?? [];
    });
    bindings.set(column, found);
  }
  const constants = readConstants(context, taken);
  checkDefaults(definition, issues);
  if (definition.object !== undefined && definition.object !== object.name)
    issues.push(
      says("/object", "the mapping is for {object}", "该映射用于 {object}", "該對應用於 {object}", {
        object: definition.object,
      }),
    );
  if (issues.length > 0) throw new GuanxiError("DEFINITION", { issues });
  const unmapped = definition.unmapped ?? (definition.columns === undefined ? "match" : "refuse");
  return {
    object,
    mode,
    key,
    bindings,
    constants,
    clears: definition.empty === "clear",
    match(column) {
      if (unmapped === "ignore") return [];
      const found: Issue[] = [];
      const binding =
        unmapped === "match"
          ? bind({ ...context, issues: found }, column, { field: column }, pointer(column))
          : undefined;
      const issue = found[0] ?? { path: pointer(column), code: "unknown" as const, params: { field: column } };
      return binding && !taken.has(binding.field.name) && !isConstant(constants, binding.field) ? [binding] : issue;
    },
  };
}

/** Whether constants fill the field, or a part of it. */
const isConstant = (constants: ReadonlyMap<string, unknown>, { name }: Field): boolean =>
  [...constants.keys()].some((path) => path === name || path.startsWith(`${name}.`));

/** What the mapping makes of a column, each with its place in the mapping. */
function targetsOf(
  column: string,
  given: ColumnTarget | null | readonly ColumnTarget[],
): readonly (readonly [path: string, target: ColumnMapping])[] {
  const whole = (target: ColumnTarget): ColumnMapping => (typeof target === "string" ? { field: target } : target);
  if (given === null) return [];
  return isSeveral(given)
    ? given.map((target, i) => [pointer("columns", column, String(i)), whole(target)] as const)
    : [[pointer("columns", column), whole(given)]];
}

const isSeveral = (given: ColumnTarget | readonly ColumnTarget[]): given is readonly ColumnTarget[] =>
  Array.isArray(given);

interface Context {
  readonly definition: MappingDefinition;
  readonly snapshot: Snapshot;
  readonly object: ObjectType;
  readonly key: Field | undefined;
  readonly issues: Issue[];
}

const numbers: ReadonlySet<string> = new Set(["integer", "number", "percent", "currency", "rating", "duration"]);

const secondsOf: Readonly<Record<DurationUnit, number>> = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 };

function readKey(
  definition: MappingDefinition,
  wanted: Wanted,
  mode: ImportMode,
  object: ObjectType,
  issues: Issue[],
): Field | undefined {
  if (mode === "create") {
    if (wanted.key !== undefined) issues.push(says("/key", "is only for upsert", "仅用于 upsert", "僅用於 upsert"));
    return undefined;
  }
  const name = wanted.key ?? definition.key;
  const field = name === undefined ? undefined : object.fields.get(name);
  if (name === undefined) issues.push({ path: "/key", code: "required" });
  else if (!field || !(field.unique || field.name === "id") || !isAskable(field))
    issues.push(
      says(
        "/key",
        '{object} has no unique field "{field}"',
        "{object} 没有唯一字段“{field}”",
        "{object} 沒有唯一欄位「{field}」",
        { object: object.name, field: name },
      ),
    );
  return field;
}

function bind(context: Context, column: string, given: ColumnMapping, path: string): Binding | undefined {
  const { definition, object, snapshot, key, issues } = context;
  const fault = (code: IssueCode): undefined => void issues.push({ path, code, params: { field: given.field } });
  const named = namedBy(object, given.field, given.lookup);
  if (!named) return fault("unknown");
  const { whole, field, by } = named;
  if (field.readOnly && !(field.name === "id" && key?.name === "id")) return fault("read_only");
  const lookup = lookedUpBy(named, snapshot);
  if (by !== undefined && !lookup) {
    issues.push(
      says(
        path,
        '"{field}" cannot be looked up by "{by}"',
        "“{field}”不能按“{by}”查找",
        "「{field}」不能依「{by}」查找",
        { field: whole.name, by },
      ),
    );
    return undefined;
  }
  const ofDate = field.type === "date" ? definition.dateFormat : definition.datetimeFormat;
  const timeZone = given.timeZone ?? definition.timeZone ?? snapshot.settings.timeZone;
  const decimal = given.decimal ?? definition.decimal ?? ".";
  const thousands = given.thousands ?? definition.thousands;
  if (decimal === thousands)
    issues.push(
      says(path, "decimal and thousands signs are the same", "小数点与千分位符号相同", "小數點與千分位符號相同"),
    );
  if (given.times !== undefined && !numbers.has(field.type))
    issues.push(says(path, "only numbers can be multiplied", "只有数字才能相乘", "只有數字才能相乘"));
  if (given.unit !== undefined && field.type !== "duration")
    issues.push(says(path, "only durations have a unit", "只有时长才有单位", "只有時長才有單位"));
  if (!isTimeZone(timeZone))
    issues.push(says(path, "there is no time zone {zone}", "没有时区 {zone}", "沒有時區 {zone}", { zone: timeZone }));
  return {
    column,
    field,
    lookup,
    values: new Map(Object.entries(given.values ?? {})),
    trim: given.trim ?? definition.trim,
    nulls: given.nulls || definition.nulls ? new Set(given.nulls ?? definition.nulls) : undefined,
    reading: {
      decimal,
      thousands,
      shift: given.times === undefined ? 0 : Math.round(Math.log10(given.times)),
      factor: secondsOf[given.unit ?? "seconds"],
      separator: given.separator ?? ";",
      timeZone,
      formats: readFormats(given.format ?? ofDate, path, issues),
    },
  };
}

function readFormats(
  given: string | readonly string[] | undefined,
  path: string,
  issues: Issue[],
): readonly DateReader[] {
  return [given ?? []].flat().flatMap((format) => {
    const reader = compileFormat(format);
    if (!reader)
      issues.push(
        says(path, '"{format}" names no whole date', "“{format}”不是完整的日期格式", "「{format}」不是完整的日期格式", {
          format,
        }),
      );
    return reader ?? [];
  });
}

function readConstants({ definition, object, issues }: Context, taken: Set<string>): ReadonlyMap<string, unknown> {
  const constants = new Map(Object.entries(definition.constants ?? {}));
  for (const name of constants.keys()) {
    const path = pointer("constants", name);
    const named = namedBy(object, name);
    if (!named || named.by !== undefined) issues.push({ path, code: "unknown", params: { field: name } });
    else if (named.field.readOnly) issues.push({ path, code: "read_only" });
    // A column of a whole address would take a constant part of it away.
    else if (taken.has(name) || taken.has(named.whole.name))
      issues.push(says(path, "a column is this field already", "该字段已有对应列", "該欄位已有對應欄"));
  }
  return constants;
}

/** Formats at the top stand for columns that may not be there, so they are looked at also when none uses them. */
function checkDefaults({ dateFormat, datetimeFormat, timeZone }: MappingDefinition, issues: Issue[]): void {
  readFormats(dateFormat, "/dateFormat", issues);
  readFormats(datetimeFormat, "/datetimeFormat", issues);
  if (timeZone !== undefined && !isTimeZone(timeZone))
    issues.push(
      says("/timeZone", "there is no time zone {zone}", "没有时区 {zone}", "沒有時區 {zone}", { zone: timeZone }),
    );
}
