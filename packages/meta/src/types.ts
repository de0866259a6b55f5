import type { Issue, Locale, Text } from "@guanxi/base";
import type { CheckedExpression, ExprObject, ExprType, Formula } from "@guanxi/expr";

/** Field types that work. The names are the `fieldType` of a definition. */
export type FieldTypeName =
  | "text"
  | "long_text"
  | "rich_text"
  | "email"
  | "encrypted_text"
  | "phone"
  | "url"
  | "uuid"
  | "picklist"
  | "multi_picklist"
  | "checkbox"
  | "integer"
  | "number"
  | "percent"
  | "currency"
  | "currency_code"
  | "rating"
  | "date"
  | "datetime"
  | "time"
  | "duration"
  | "address"
  | "geo"
  | "json"
  | "autonumber"
  | "reference"
  | "references"
  | "formula"
  | "rollup"
  | "file"
  | "files";

export type OnDelete = "restrict" | "setNull" | "cascade";
/** `parent` is the reference whose record decides. */
export type Sharing = "private" | "read" | "write" | { readonly parent: string };

/** A property as a user writes it: JSON Schema plus our vocabulary (`schemas/object.json`). */
export interface FieldDefinition {
  readonly fieldType?: string;
  /** With `null` in a list where the field is not required. */
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly title?: string;
  readonly titles?: Partial<Record<Locale, string>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly unique?: boolean;
  readonly externalId?: boolean;
  readonly index?: boolean;
  /** An object, or those of which each value names one together with the record. */
  readonly target?: string | readonly string[];
  readonly onDelete?: OnDelete;
  readonly relation?: string;
  /** Bytes of a file. */
  readonly maxSize?: number;
  /** Content types of a file: `image/*`. */
  readonly accept?: readonly string[];
  readonly was?: string;
  /** An extension may make it stricter, not looser. */
  readonly locked?: boolean;
  /** Expressions: when a record must have a value, when it may not be changed any more, and what a new record gets. */
  readonly requiredWhen?: string;
  readonly readonlyWhen?: string;
  readonly defaultFormula?: string;
  readonly readOnly?: boolean;
  readonly writeOnly?: boolean;
  readonly sensitive?: boolean;
  readonly history?: boolean;
  readonly dependsOn?: DependsOn;
  readonly [keyword: string]: unknown;
}

/** Which values of a picklist go with which value of another field. */
export interface DependsOn {
  readonly field: string;
  readonly values: Readonly<Record<string, readonly string[]>>;
}

/** By picklist and value: the values that may follow. The empty text stands for no value. */
export type States = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** A kind of record within an object. */
export interface RecordTypeDefinition {
  readonly title?: string;
  readonly titles?: Partial<Record<Locale, string>>;
  readonly description?: string;
  /** What a new record is that does not say; the first type where none is marked. */
  readonly default?: boolean;
  /** `false` retires it: records keep it, new ones are refused. */
  readonly active?: boolean;
  readonly required?: readonly string[];
  /** The values that its records may have of these fields. */
  readonly picklists?: Readonly<Record<string, readonly string[]>>;
  /** In place of the object's for the same picklist. */
  readonly states?: States;
}

export interface RuleDefinition {
  readonly name: string;
  /** The record is refused when this holds. */
  readonly when: string;
  /** The field that the message is shown at. */
  readonly at?: string;
  readonly message: string;
  readonly messages?: Partial<Record<Locale, string>>;
}

/** An object as a user writes it. */
export interface ObjectDefinition {
  readonly $schema?: string;
  readonly name: string;
  readonly plural: string;
  readonly title?: string;
  readonly titles?: Partial<Record<Locale, string>>;
  readonly description?: string;
  readonly type: "object";
  readonly required?: readonly string[];
  readonly nameField?: string;
  readonly sharing?: Sharing;
  readonly history?: boolean;
  /** Every amount has a currency of its own, in the field `<amount>_currency`. */
  readonly multiCurrency?: boolean;
  /** The date or datetime field at whose exchange rate amounts are added up; `created_at` when left out. */
  readonly currencyDate?: string;
  readonly properties: Readonly<Record<string, FieldDefinition>>;
  readonly rules?: readonly RuleDefinition[];
  readonly states?: States;
  readonly recordTypes?: Readonly<Record<string, RecordTypeDefinition>>;
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
  readonly was?: string;
  /** What an extension may make stricter, not looser: everything, or these members and fields. */
  readonly locked?: boolean | readonly string[];
}

/**
 * A definition as the tenant keeps it: what was written, plus ids that stay the same through renames.
 * Ids come from one counter per tenant; objects, fields, unique keys and indexes share it.
 */
export interface StoredObject {
  readonly id: number;
  readonly name: string;
  /** Where it comes from: `core`, `tenant` or a plugin's name. */
  readonly source: string;
  readonly definition: ObjectDefinition;
  readonly fieldIds: Readonly<Record<string, number>>;
  /** Of references to records of several objects, by the field's id: the id of the reference to each, by the object's name. Absent where there are none. */
  readonly branchIds?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Of roll-ups, by field: what their values are, which the definitions of others decide. Absent where there are none. */
  readonly results?: Readonly<Record<string, RollupResult>>;
  /** What its plugin calls it, where the tenant calls it otherwise. */
  readonly origin?: string;
  /** Set aside with its plugin: it keeps its table and nobody sees it. What it was called, and comes back as. */
  readonly aside?: { readonly name: string; readonly plural: string };
  /** Keyed by the comma-joined ids of the fields. */
  readonly uniqueIds: Readonly<Record<string, number>>;
  readonly indexIds: Readonly<Record<string, number>>;
}

export type RollupOp = "count" | "sum" | "min" | "max" | "avg";

export interface RollupResult {
  /** As in DDL and casts. */
  readonly sqlType: string;
  readonly kind: Exclude<ExprType["kind"], "list" | "ref" | "parts">;
  /** What clients see, without null. */
  readonly schema: Readonly<Record<string, unknown>>;
}

export interface TenantSettings {
  readonly tenant: string;
  /** The PostgreSQL schema, `t_<tenant>`. */
  readonly schema: string;
  readonly locale: Locale;
  /** IANA name. */
  readonly timeZone: string;
  /** ISO 4217. */
  readonly currency: string;
  /** ISO 3166-1 alpha-2; phone numbers without a country code are read in it. */
  readonly country: string;
  /** 1 to 12. */
  readonly fiscalYearStart: number;
  /** Days after which deleted records are purged; 0, or nothing, keeps them. */
  readonly purgeDeletedAfterDays?: number;
}

export interface PicklistValue {
  readonly value: string;
  readonly title: Text;
  /** A retired value stays on records that have it and is refused for new ones. */
  readonly active: boolean;
  /** Further facts of a value, such as an opportunity stage's `probability` and `forecast`. */
  readonly [fact: string]: unknown;
}

export interface Column {
  /** The column's name, equal to the field's. */
  readonly name: string;
  /** As in DDL and casts: `text`, `numeric(15,2)`, `uuid`, `text[]`. */
  readonly sqlType: string;
  readonly notNull: boolean;
  /** The text of the value that a row has unless another is given; only of columns that no caller writes. */
  readonly initial?: string;
}

export interface FieldFormula extends Formula {
  /** The field type that its values are of. */
  readonly returns: FieldTypeName;
  /** As in casts. */
  readonly sqlType: string;
}

/** What every field has. */
export interface FieldFacts {
  /** Stable through renames; system fields have negative ids. */
  readonly id: number;
  readonly name: string;
  readonly type: FieldTypeName;
  readonly title: Text;
  readonly system: boolean;
  readonly required: boolean;
  /** Callers write it and nobody reads it: answers, queries and scripts know of no such field. */
  readonly unread?: boolean;
  /** Changes and events say that it changed, and have no values of it. */
  readonly untold?: boolean;
  /** Set by the system only (id, version, autonumber, what the definition says is readOnly, …). */
  readonly readOnly: boolean;
  readonly exprType: ExprType;
  /** The member of its column's JSON that it is; only in fields made for reading one. */
  readonly part?: string;
  /** A patch changes members of its values, and null takes one away (RFC 7396); other values are replaced whole. */
  readonly merges?: boolean;
  /** JSON Schema of a value as clients see it, without null. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** What readers see, where that is not what writers send. */
  readonly shown?: Readonly<Record<string, unknown>>;
  readonly unique: boolean;
  readonly target?: string;
  /** Of a branch: the reference to records of several objects that it belongs to. */
  readonly branchOf?: string;
  readonly onDelete?: OnDelete;
  /** Whether the database enforces the reference (not for created_by and updated_by). */
  readonly foreignKey: boolean;
  /** Picklists, in their defined order, which is also their sort order. */
  readonly values?: readonly PicklistValue[];
  readonly default?: unknown;
  /** Of an amount that may be in any currency: the field that says in which. */
  readonly currencyField?: string;
  /** `P-{YYYY}-{00000}`, for autonumbers. */
  readonly pattern?: string;
  readonly definition: FieldDefinition;
}

/** A field with values of its own. */
export interface StoredField extends FieldFacts {
  readonly column: Column;
  /** Columns that a roll-up keeps its mean with. Their names are made of the field's id and begin with an underscore. */
  readonly hidden?: { readonly sum: Column; readonly count: Column };
  readonly formula?: undefined;
  readonly branches?: undefined;
}

/** A field that is computed wherever it is asked for: it has no column, and nobody writes it. */
export interface FormulaField extends FieldFacts {
  readonly column?: undefined;
  readonly formula: FieldFormula;
  readonly branches?: undefined;
}

/**
 * A reference to records of several objects; its value is `{ object, id }`. It is kept as a reference to each of them,
 * which are among the object's columns but not among its fields.
 */
export interface SeveralField extends FieldFacts {
  readonly column?: undefined;
  readonly formula?: undefined;
  readonly branches: readonly StoredField[];
}

export type Field = StoredField | FormulaField | SeveralField;

export type RecordValue = Readonly<Record<string, unknown>>;

/** A condition under which a write is refused: a written rule, or what a keyword comes to. */
export interface Rule {
  readonly when: CheckedExpression;
  /** What is told when it holds: of the record as it would be, and as it was; null for a new one. */
  readonly issue: (record: RecordValue, old: RecordValue | null) => Issue;
}

/** A default that is computed. */
export interface ComputedDefault {
  readonly field: Field;
  readonly expression: CheckedExpression;
  /** Of an amount that may be in any currency: the fields with the currencies of the amounts that it is computed of. */
  readonly currencies: readonly string[];
}

export interface UniqueKey {
  readonly id: number;
  /** Field names. */
  readonly fields: readonly string[];
}

export interface Index {
  readonly id: number;
  readonly fields: readonly string[];
}

/** A reference that points here. */
export interface IncomingReference {
  readonly object: string;
  /** As its column is called. */
  readonly field: string;
  readonly onDelete: OnDelete;
  /** The name of the way back, `opportunities` on an account. */
  readonly relation: string;
}

/** Records that belong to one: those whose `field` names it, or those that its own list `field` names. */
export interface Relation {
  readonly name: string;
  /** Whose records they are. */
  readonly object: string;
  readonly field: string;
  readonly way: "back" | "list";
}

export interface Prepared {
  /** Defaults filled, values in canonical form; only meaningful when there are no issues. */
  readonly value: Record<string, unknown>;
  readonly issues: readonly Issue[];
}

export interface ObjectType extends ExprObject {
  readonly id: number;
  readonly name: string;
  readonly plural: string;
  readonly title: Text;
  readonly nameField: string;
  readonly sharing: Sharing;
  readonly history: boolean;
  /** The field at whose exchange rate amounts are added up. */
  readonly currencyDate: string;
  readonly source: string;
  /** The table's name in the tenant's schema, equal to the object's. */
  readonly table: string;
  /** System fields first (`id` foremost), then the definition's in its order. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Those of them that have a column, and the branches of the others: what tables and writes are made of. */
  readonly columns: readonly StoredField[];
  readonly formulas: readonly FormulaField[];
  /** Whether there are references to records of several objects. */
  readonly hasSeveral: boolean;
  readonly rules: readonly Rule[];
  readonly uniques: readonly UniqueKey[];
  readonly indexes: readonly Index[];
  readonly incoming: readonly IncomingReference[];
  readonly stored: StoredObject;
  /** Checks and completes a value for a new record. Paths of issues are JSON pointers into the value. */
  prepareCreate(value: unknown, context: PrepareContext): Prepared;
  /** Checks a JSON merge patch; defaults are not filled, null empties a field. */
  preparePatch(value: unknown): Prepared;
  /** Issues of the rules that refuse `record`. `old` is null for a new one. */
  brokenRules(
    record: Record<string, unknown>,
    old: Record<string, unknown> | null,
    context: RuleContext,
  ): readonly Issue[];
}

export interface PrepareContext {
  readonly now: Date;
  /** The user record of whoever creates it, for computed defaults. */
  readonly user?: RecordValue;
}

export interface RuleContext {
  readonly now: Date;
  readonly user: Record<string, unknown>;
}

/** A field whose values are kept from the records of another object. */
export interface Rollup {
  readonly field: StoredField;
  readonly op: RollupOp;
  /** What is summed up; undefined for `count`. */
  readonly value: StoredField | undefined;
  readonly filter: CheckedExpression | undefined;
  /** Names of the child's fields that decide the value. */
  readonly uses: ReadonlySet<string>;
}

/** The roll-ups of `parent` over those records of `child` that name it in `reference`. */
export interface RollupGroup {
  readonly parent: ObjectType;
  readonly child: ObjectType;
  readonly reference: StoredField;
  readonly rollups: readonly Rollup[];
}

/** A tenant's metadata, compiled and immutable. */
export interface Snapshot {
  readonly version: number;
  readonly settings: TenantSettings;
  readonly objects: ReadonlyMap<string, ObjectType>;
  readonly plurals: ReadonlyMap<string, ObjectType>;
  readonly byId: ReadonlyMap<number, ObjectType>;
  /** By id, the objects of plugins that are disabled or uninstalled: tables with records, and nothing else. */
  readonly aside: ReadonlyMap<number, ObjectType>;
}

/** One step from a snapshot to the next, by stable ids. `field` and `object` are those of the later snapshot unless dropped. */
export type MetaChange =
  | { readonly kind: "create_object"; readonly object: ObjectType }
  | { readonly kind: "drop_object"; readonly object: ObjectType }
  | { readonly kind: "rename_object"; readonly object: ObjectType; readonly from: ObjectType }
  | { readonly kind: "add_field"; readonly object: ObjectType; readonly field: StoredField }
  | { readonly kind: "drop_field"; readonly object: ObjectType; readonly field: StoredField }
  | {
      readonly kind: "rename_field";
      readonly object: ObjectType;
      readonly field: StoredField;
      readonly from: StoredField;
    }
  | {
      readonly kind: "change_type";
      readonly object: ObjectType;
      readonly field: StoredField;
      readonly from: StoredField;
    }
  | { readonly kind: "change_required"; readonly object: ObjectType; readonly field: StoredField }
  /** Other branches of a reference to records of several objects, or another word on whether it may be empty. */
  | {
      readonly kind: "change_branches";
      readonly object: ObjectType;
      readonly field: SeveralField;
      readonly from: SeveralField | undefined;
    }
  | {
      readonly kind: "change_reference";
      readonly object: ObjectType;
      readonly field: StoredField;
      readonly from: StoredField;
    }
  | {
      readonly kind: "change_rollup";
      readonly object: ObjectType;
      readonly field: StoredField;
      readonly from: StoredField;
    }
  | { readonly kind: "compute_rollup"; readonly object: ObjectType; readonly group: RollupGroup }
  | { readonly kind: "add_unique"; readonly object: ObjectType; readonly key: UniqueKey }
  | { readonly kind: "drop_unique"; readonly object: ObjectType; readonly key: UniqueKey }
  | { readonly kind: "add_index"; readonly object: ObjectType; readonly index: Index }
  | { readonly kind: "drop_index"; readonly object: ObjectType; readonly index: Index };
