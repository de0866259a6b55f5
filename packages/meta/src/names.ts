/** Names of objects, fields, relations and rules. */
export const namePattern = /^[a-z][a-z0-9_]{0,39}$/;

/** Columns that PostgreSQL gives every table. */
const postgresColumns = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid"];

/** Words that CEL keeps for itself (language definition, "reserved"), and our own names in expressions. */
const expressionWords = [
  ...[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
  ],
  ...["loop", "package", "namespace", "return", "var", "void", "while"],
  ...["old", "user", "now", "today"],
];

/** Words that follow an object's plural in the API's paths. */
const pathWords = [
  ...["query", "aggregate", "by", "duplicates", "merge", "history", "timeline", "access", "restore"],
  ...["submit", "approvals", "routing"],
];

/** What `/api/…` means before any object is looked up. */
const fixedPlurals = [
  ...["me", "meta", "runs", "workflows", "changes", "jobs", "import", "export", "search", "composite", "openapi"],
  ...["types", "docs", "approvals", "keys", "auth", "login", "logout"],
];

export const systemFieldNames = [
  ...["id", "owner", "created_at", "created_by", "updated_at", "updated_by", "version", "deleted_at"],
] as const;

const reserved = new Set([...postgresColumns, ...expressionWords, ...pathWords]);
/** A system field of objects that have record types, and kept for it in all others. */
export const recordTypeName = "record_type";

const reservedFields = new Set<string>([...systemFieldNames, recordTypeName]);
const reservedPlurals = new Set(fixedPlurals);

export const isReservedField = (name: string): boolean => reserved.has(name) || reservedFields.has(name);

/** `user` is the one object whose name is also a word of expressions; only the core brings it. */
export const isReservedObject = (name: string): boolean => reserved.has(name) && name !== "user";

export const isReservedPlural = (plural: string): boolean => reservedPlurals.has(plural);

/** `listed_on` → `Listed on`, for objects, fields and values without a title. */
export function humanise(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
