import { unstorable, type Field, type ObjectType } from "@guanxi/meta";
import { isId } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";

/** A record found by a value of a field. */
export interface Found {
  readonly id: string;
  readonly version: number;
  /** Records beside it that have the same value. */
  readonly more: boolean;
}

/** Characters of a filter; the language stops at 10,000. */
const filterLength = 9_000;
/** Records of a page, the most that a list gives. */
const page = 500;

/** A value of the file as the field would store it, in text; undefined when the field cannot have it. */
export function canonical(object: ObjectType, field: Field, value: unknown): string | undefined {
  if (unstorable(value) !== undefined) return undefined;
  if (field.exprType.kind === "ref") return isId(value) ? value.toLowerCase() : undefined;
  if (field.readOnly) return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  const numeric = field.schema["type"] === "number" || field.schema["type"] === "integer";
  const given = numeric && typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  const { value: prepared, issues } = object.preparePatch({ [field.name]: given });
  const stored = prepared[field.name];
  return issues.length > 0 || stored === null || stored === undefined ? undefined : String(stored);
}

/** The records that the caller sees with these canonical values of the field, by value. */
export async function findBy(
  kernel: Kernel,
  session: Session,
  object: ObjectType,
  field: Field,
  values: Iterable<string>,
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  const numeric = field.exprType.kind === "int" || field.exprType.kind === "decimal";
  for (const literals of packed([...new Set(values)].map((value) => (numeric ? value : JSON.stringify(value))))) {
    let cursor: string | undefined;
    do {
      const text = await kernel.records.list(session, object.name, {
        select: `id,version,${field.name}`,
        filter: `${field.name} in [${literals.join(",")}]`,
        limit: page,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const answer = JSON.parse(text) as { data: Record<string, unknown>[]; next: string | null };
      for (const { id, version, [field.name]: value } of answer.data) {
        const key = String(field.name === "id" ? id : value);
        found.set(key, { id: String(id), version: Number(version), more: found.has(key) });
      }
      cursor = answer.next ?? undefined;
    } while (cursor !== undefined);
  }
  return found;
}

/** Lists that each fit into one filter; what is longer than a filter by itself nobody can ask for, and is left out. */
function* packed(literals: readonly string[]): Generator<string[]> {
  let list: string[] = [];
  let length = 0;
  for (const literal of literals) {
    if (literal.length > filterLength) continue;
    if (length + literal.length > filterLength) {
      yield list;
      [list, length] = [[], 0];
    }
    list.push(literal);
    length += literal.length + 1;
  }
  if (list.length > 0) yield list;
}
