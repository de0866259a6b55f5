/** How one column of a file becomes a field. */
export interface ColumnMapping {
  /** A field, or `owner.email`: a reference and the field of its target that the column holds. */
  readonly field: string;
  /** The field of the target of the reference, or of the list, that the column holds; the same as `field: "owner.email"`. */
  readonly lookup?: string;
  /** What stands in the file → the value; other values stay as they are. */
  readonly values?: Readonly<Record<string, unknown>>;
  readonly format?: string | readonly string[];
  readonly timeZone?: string;
  readonly decimal?: "." | ",";
  readonly thousands?: string;
  /** What a number in the file is multiplied by: 1000000 where it counts millions. */
  readonly times?: number;
  /** What a duration's numbers count. */
  readonly unit?: DurationUnit;
  /** Between the values of a multi-picklist, or the entries of a list. */
  readonly separator?: string;
  readonly trim?: boolean;
  readonly nulls?: readonly string[];
}

export type DurationUnit = "seconds" | "minutes" | "hours" | "days";
export type ColumnTarget = string | ColumnMapping;

export type ImportMode = "create" | "upsert";
export type Encoding = "utf-8" | "gb18030";

/** A mapping as a user writes it (`schemas/mapping.json`). */
export interface MappingDefinition {
  readonly $schema?: string;
  readonly name?: string;
  readonly title?: string;
  readonly description?: string;
  readonly object?: string;
  readonly mode?: ImportMode;
  readonly key?: string;
  readonly encoding?: Encoding;
  readonly delimiter?: string;
  /** A column may become several fields. */
  readonly columns?: Readonly<Record<string, ColumnTarget | null | readonly ColumnTarget[]>>;
  readonly constants?: Readonly<Record<string, unknown>>;
  readonly unmapped?: "refuse" | "ignore" | "match";
  readonly empty?: "keep" | "clear";
  readonly dateFormat?: string | readonly string[];
  readonly datetimeFormat?: string | readonly string[];
  readonly timeZone?: string;
  readonly decimal?: "." | ",";
  readonly thousands?: string;
  readonly trim?: boolean;
  readonly nulls?: readonly string[];
}

export type FileFormat = "csv" | "ndjson";

/** What an upload asked for, complete: kept with the job, so that a later change of a stored mapping does not touch it. */
export interface ImportPlan {
  readonly format: FileFormat;
  readonly mode: ImportMode;
  readonly key?: string;
  readonly delimiter: string;
  /** The name of the stored mapping it came from. */
  readonly mappingName?: string;
  readonly mapping: MappingDefinition;
  /** The header of a CSV file. */
  readonly columns: readonly string[];
  /** W3C `traceparent` of the upload, where it was traced. */
  readonly trace?: string;
}

/** Columns that a file of rejected rows has beside those of the upload; such a file can be mended and sent again as it is. */
export const rowColumn = "import_row";
export const reasonColumn = "import_error";
