const identifier = String.raw`(?:"[^"]*"|[A-Za-z_]\w*)`;
/** `schema.table` or `table`; a tenant's schema stays out of the name, so that all tenants share it. */
const table = String.raw`(?:${identifier}\s*\.\s*)?(${identifier})`;

/** What a text can do, in the order in which a statement made of several is named after the one that matters. */
const deeds: readonly [RegExp, string][] = [
  [new RegExp(String.raw`\bINSERT\s+INTO\s+${table}`, "i"), "insert"],
  [new RegExp(String.raw`(?<!FOR\s+|FOR\s+NO\s+KEY\s+|DO\s+)\bUPDATE\s+(?:ONLY\s+)?${table}`, "i"), "update"],
  [new RegExp(String.raw`\bDELETE\s+FROM\s+${table}`, "i"), "delete"],
];
const source = new RegExp(String.raw`\bFROM\s+${table}(?!\s*\()`, "i");

const definitions: readonly [RegExp, string][] = [
  [new RegExp(String.raw`^CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?${table}`, "i"), "create_table"],
  [new RegExp(String.raw`^ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?${table}`, "i"), "alter_table"],
  [new RegExp(String.raw`^DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?${table}`, "i"), "drop_table"],
  [new RegExp(String.raw`^CREATE\s+(?:UNIQUE\s+)?INDEX\b[\s\S]*?\bON\s+(?:ONLY\s+)?${table}`, "i"), "create_index"],
];

const plain = (name: string): string => name.replaceAll('"', "");

/** A name for the statement out of its keywords and identifiers alone: `_job.update`, `lead.alter_table`, `pg_notify`, `drop_schema`. */
export function statementName(text: string): string {
  const bare = text.trimStart().replace(/'(?:[^']|'')*'/g, "''");
  const [first = "", second = ""] = bare.split(/\s+/, 2).map((word) => word.toLowerCase());
  if (/^(create|alter|drop)$/.test(first))
    return named(definitions, bare) ?? (/^\w+$/.test(second) ? `${first}_${second}` : first);
  if (/^(with|select|insert|update|delete)$/.test(first)) return deedOf(bare, first);
  return /^\w+$/.test(first) ? first : "other";
}

function deedOf(text: string, first: string): string {
  const deed = first === "select" ? undefined : named(deeds, text);
  if (deed !== undefined) return deed;
  const outer = first === "select" ? withoutBrackets(text) : text;
  const from = source.exec(outer)?.[1];
  if (from !== undefined) return `${plain(from)}.select`;
  return /^select\s+([a-z_]\w*)\s*\(/i.exec(text)?.[1]?.toLowerCase() ?? first;
}

function named(patterns: readonly [RegExp, string][], text: string): string | undefined {
  for (const [pattern, deed] of patterns) {
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return `${plain(found)}.${deed}`;
  }
  return undefined;
}

/** What the statement itself reads from, without what its subqueries do. */
function withoutBrackets(text: string): string {
  const fewer = text.replace(/\([^()]*\)/g, " ");
  return fewer === text ? text : withoutBrackets(fewer);
}
