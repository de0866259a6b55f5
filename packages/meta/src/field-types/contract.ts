import type { IssueCode } from "@guanxi/base";
import type { ExprType } from "@guanxi/expr";
import type { FieldDefinition, FieldTypeName, PicklistValue } from "../types.ts";
import type { Report } from "../report.ts";

/** JSON Schema (2020-12) of a value. */
export type ValueSchema = Readonly<Record<string, unknown>>;

/** Why a value is refused; `path` points inside the value, "" for the whole. */
export class Fault {
  readonly code: IssueCode;
  readonly params: Readonly<Record<string, unknown>>;
  readonly path: string;

  constructor(code: IssueCode, params: Readonly<Record<string, unknown>> = {}, path = "") {
    this.code = code;
    this.params = params;
    this.path = path;
  }
}

export interface NormaliseContext {
  /** ISO 3166-1 alpha-2 of the tenant; undefined where no tenant is known yet. */
  readonly country: string | undefined;
}

/**
 * Brings a value that is not null into the one form in which it is stored and shown. A value of another JSON type
 * passes through unchanged; the schema refuses it afterwards.
 */
export type Normalise = (value: unknown, context: NormaliseContext) => unknown;

/** What a definition of this type comes to. */
export interface FieldShape {
  /** As in DDL and casts. */
  readonly sqlType: string;
  readonly exprType: ExprType;
  /** What clients see, without null. */
  readonly schema: ValueSchema;
  /** What readers see, where that is something else. */
  readonly shown?: ValueSchema;
  readonly values?: readonly PicklistValue[];
  readonly normalise?: Normalise;
}

export interface FieldType {
  readonly name: FieldTypeName;
  /** Values of JSON Schema's `type` that a definition may say beside this field type. */
  readonly jsonTypes: readonly string[];
  /** The same of `format`; "*" is any that is known. */
  readonly formats?: readonly string[];
  /** Keywords that mean something here, besides those of every field. */
  readonly keywords: readonly string[];
  /** Keywords without which a definition of this type says too little. */
  readonly needs?: readonly string[];
  /** `default` may be given. Words are defaults that stand for a value at the time of the write. */
  readonly defaults: boolean;
  readonly defaultWords?: readonly string[];
  /** May be indexed, and be unique. */
  readonly indexable: boolean;
  /** A text that can name a record to people. */
  readonly namesRecords: boolean;
  /** A patch changes members of its values, and null takes one away; other values are replaced whole. */
  readonly merges?: boolean;
  /** The system sets it. */
  readonly readOnly?: boolean;
  /** Its values follow from other records, so that no record can be refused for lacking or repeating one. */
  readonly derived?: boolean;
  /** Unique without saying so. */
  readonly unique?: boolean;
  /** Faults that need more than one keyword to see. Called only when each keyword alone is well-formed. */
  check?(definition: FieldDefinition, path: string, report: Report): void;
  shape(definition: FieldDefinition): FieldShape;
}

/** The part of a definition that is JSON Schema for such values, as is. */
export function pick(definition: FieldDefinition, keywords: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const keyword of keywords) if (definition[keyword] !== undefined) picked[keyword] = definition[keyword];
  return picked;
}

export const text = { kind: "text" } as const satisfies ExprType;

/** Applies to strings and leaves every other value to the schema. */
export const ofString =
  (normalise: (value: string, context: NormaliseContext) => unknown): Normalise =>
  (value, context) =>
    typeof value === "string" ? normalise(value, context) : value;

/** The schema of a shape for checking values: without `format` where the field type's own code judges it. */
export function valueChecks({ schema, normalise }: Judged): ValueSchema {
  const { format, ...rest } = schema;
  return normalise === undefined && format !== undefined ? { ...rest, format } : rest;
}

interface Judged {
  readonly schema: ValueSchema;
  readonly normalise?: Normalise | undefined;
}
