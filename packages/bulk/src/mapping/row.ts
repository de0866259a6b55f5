import { type Issue, text } from "@guanxi/base";
import { type Field, fieldPath, listsRecords, type ObjectType, pointer } from "@guanxi/meta";
import { parseRow } from "../upload/json.ts";
import { unguarded } from "../csv.ts";
import type { Binding, Mapping } from "./check.ts";
import { convert } from "./convert.ts";
import { type FileFormat, reasonColumn, rowColumn } from "./definition.ts";
import type { LookedUp } from "./paths.ts";

/** A row of an upload as it was sent: the cells of a CSV record, or a line of NDJSON. */
export type RawRow = readonly string[] | string;

/** A reference that is still a natural key. */
export interface Lookup {
  readonly field: Field;
  readonly target: ObjectType;
  readonly by: Field;
  readonly value: unknown;
  /** The entry's place in a list. */
  readonly at: number | undefined;
}

/** An empty cell: nothing for a new record, and for one that is there whatever the mapping says. */
export const empty = Symbol("empty");

export interface MappedRow {
  /** 1 for the first after the header. */
  readonly number: number;
  readonly raw: RawRow;
  readonly values: Record<string, unknown>;
  readonly lookups: readonly Lookup[];
  readonly issues: Issue[];
}

/** Reads rows of one file. */
export type RowReader = (raw: RawRow, number: number) => MappedRow;

export interface HeaderBindings {
  /** Per column of the header. */
  readonly bindings: readonly (readonly Binding[])[];
  readonly issues: readonly Issue[];
}

/** What the columns of a CSV file become; issues name columns that must not be there, or are missing. */
export function bindHeader(mapping: Mapping, columns: readonly string[]): HeaderBindings {
  const issues: Issue[] = [];
  const fields = new Set<string>();
  const bindings = columns.map((column) => {
    const found = bindColumn(mapping, column);
    if ("code" in found) {
      issues.push(found);
      return [];
    }
    if (found.some(({ field }) => fields.has(field.name))) issues.push({ path: pointer(column), code: "uniqueItems" });
    for (const { field } of found) fields.add(field.name);
    return found;
  });
  for (const [column, found] of mapping.bindings)
    if (found.length > 0 && !columns.includes(column))
      issues.push({ path: pointer(column), code: "required", text: missingColumn });
  return { bindings, issues };
}

const missingColumn = text("the file has no such column", "文件中没有该列", "檔案中沒有該欄");

function bindColumn(mapping: Mapping, column: string): readonly Binding[] | Issue {
  const bound = mapping.bindings.get(column);
  if (bound !== undefined) return bound;
  if ((column === rowColumn || column === reasonColumn) && !mapping.object.fields.has(column)) return [];
  return mapping.match(column);
}

export function rowReader(mapping: Mapping, format: FileFormat, columns: readonly string[]): RowReader {
  if (format === "csv") {
    const { bindings } = bindHeader(mapping, columns);
    return (raw, number) => readCells(mapping, bindings, raw as readonly string[], number);
  }
  const known = new Map<string, readonly Binding[] | Issue>();
  return (raw, number) => readObject(mapping, known, raw as string, number);
}

/** Tells of references to one of several objects that the row fills for more than one of these. */
function checkBranches({ object }: Mapping, { values, lookups, issues }: MappedRow): void {
  if (!object.hasSeveral) return;
  const filled = new Set(lookups.map(({ field }) => field.name));
  for (const [name, value] of Object.entries(values)) if (value !== empty && value !== null) filled.add(name);
  for (const { name, branches = [] } of object.fields.values()) {
    const paths = [`${name}.object`, ...branches.map(fieldPath)].filter((path) => filled.has(path));
    if (paths.length > 1)
      issues.push({ path: pointer(name), code: "definition", text: oneOnly, params: { columns: paths.join(", ") } });
  }
}

const oneOnly = text(
  "leads to one record, but the row fills {columns}",
  "只能指向一条记录，但该行填写了 {columns}",
  "只能指向一筆記錄，但該列填寫了 {columns}",
);

const blank = (mapping: Mapping, raw: RawRow, number: number) => ({
  number,
  raw,
  values: Object.fromEntries(mapping.constants) as Record<string, unknown>,
  lookups: [] as Lookup[],
  issues: [] as Issue[],
});

function readCells(
  mapping: Mapping,
  bindings: readonly (readonly Binding[])[],
  cells: readonly string[],
  number: number,
): MappedRow {
  const row = blank(mapping, cells, number);
  if (cells.length !== bindings.length) {
    const params = { found: cells.length, columns: bindings.length };
    row.issues.push({ path: "", code: "syntax", text: cellCount, params });
    return row;
  }
  bindings.forEach((found, i) => {
    for (const binding of found) readText(row, binding, unguarded(cells[i] ?? ""), csvHabits);
  });
  checkBranches(mapping, row);
  return row;
}

const cellCount = text(
  "has {found} values where the header has {columns}",
  "有 {found} 个值，而表头有 {columns} 列",
  "有 {found} 個值，而表頭有 {columns} 欄",
);

/** More names than a file can sensibly have are not remembered, only looked at each time. */
const rememberedNames = 10_000;

function readObject(
  mapping: Mapping,
  known: Map<string, readonly Binding[] | Issue>,
  line: string,
  number: number,
): MappedRow {
  const row = blank(mapping, line, number);
  const parsed = parseRow(line);
  if ("issues" in parsed) {
    row.issues.push(...parsed.issues);
    return row;
  }
  for (const [name, value] of Object.entries(parsed.value)) {
    let found = known.get(name);
    if (found === undefined) {
      found = bindColumn(mapping, name);
      if (known.size < rememberedNames) known.set(name, found);
    }
    if ("code" in found) row.issues.push(found);
    else for (const binding of found) readValue(row, binding, value, mapping.bindings.has(name));
  }
  checkBranches(mapping, row);
  return row;
}

function readValue(row: ReturnType<typeof blank>, binding: Binding, value: unknown, named: boolean): void {
  const { values, reading } = binding;
  if (typeof value === "string" && named) readText(row, binding, value, jsonHabits);
  else if (typeof value === "number" && (reading.shift > 0 || reading.factor > 1) && !values.has(String(value)))
    readText(row, binding, String(value).replace(".", reading.decimal), jsonHabits);
  else place(row, binding, typeof value === "object" ? entries(binding, value) : (values.get(String(value)) ?? value));
}

interface Habits {
  readonly trim: boolean;
  readonly nulls: ReadonlySet<string>;
}
const csvHabits: Habits = { trim: true, nulls: new Set([""]) };
const jsonHabits: Habits = { trim: false, nulls: new Set() };

function readText(row: ReturnType<typeof blank>, binding: Binding, given: string, habits: Habits): void {
  const cell = (binding.trim ?? habits.trim) ? given.trim() : given;
  const whole = binding.values.get(cell);
  if (whole !== undefined && !(isList(binding) && typeof whole === "string")) return place(row, binding, whole);
  if ((binding.nulls ?? habits.nulls).has(cell)) return void (row.values[binding.field.name] = empty);
  if (binding.lookup && !isList(binding)) return place(row, binding, cell);
  const converted = convert(binding.field, cell, binding.reading);
  if ("issue" in converted) row.issues.push(converted.issue);
  else place(row, binding, entries(binding, converted.value));
}

const isList = ({ field }: Binding): boolean => field.exprType.kind === "list";

/** What the mapping says of single texts counts for each entry of a list; one that becomes null is left out. */
function entries(binding: Binding, value: unknown): unknown {
  if (!isList(binding) || !Array.isArray(value)) return value;
  return value.flatMap((entry) => {
    const mapped = binding.values.get(String(entry));
    return mapped === null ? [] : [mapped ?? entry];
  });
}

function place(row: ReturnType<typeof blank>, { field, lookup }: Binding, value: unknown): void {
  if (!lookup || value === null) row.values[field.name] = value;
  else if (!listsRecords(field.type)) row.lookups.push({ field, ...lookup, value, at: undefined });
  else placeEntries(row, field, lookup, value);
}

/** Each entry of the list is looked up by itself; of one that is too long, none. */
function placeEntries(row: ReturnType<typeof blank>, field: Field, lookup: LookedUp, value: unknown): void {
  const limit = Number(field.schema["maxItems"]);
  const entries = Array.isArray(value) ? [...new Set<unknown>(value)] : undefined;
  row.values[field.name] = entries ?? value;
  if (entries && entries.length > limit)
    row.issues.push({ path: pointer(field.name), code: "maxItems", params: { limit } });
  else entries?.forEach((entry, at) => row.lookups.push({ field, ...lookup, value: entry, at }));
}
