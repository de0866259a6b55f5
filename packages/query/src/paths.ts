import { text } from "@guanxi/base";
import { noField, queryError } from "./errors.ts";

/** Relations deeper than this cost a join each and no client needs them; a hostile one could ask for thousands. */
export const maxPathLength = 6;
const maxTerms = 100;

export interface Term {
  readonly source: string;
  readonly position: number;
}

/** Splits `a,b(c;d),e` at the commas outside brackets. */
export function splitTerms(parameter: string, value: string): Term[] {
  const terms: Term[] = [];
  let depth = 0;
  let start = 0;
  const push = (end: number): void => {
    const raw = value.slice(start, end);
    const source = raw.trim();
    const position = start + (raw.length - raw.trimStart().length);
    if (source === "")
      throw queryError(parameter, text("a name is missing here", "此处缺少名称", "此處缺少名稱"), start);
    terms.push({ source, position });
  };
  for (let i = 0; i < value.length; i++) {
    const c = value[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      push(i);
      start = i + 1;
    }
    if (depth < 0) throw queryError(parameter, text("unexpected )", "多余的 )", "多餘的 )"), i);
  }
  if (depth > 0) throw queryError(parameter, text("a ) is missing", "缺少 )", "缺少 )"), value.length);
  push(value.length);
  if (terms.length > maxTerms) {
    throw queryError(
      parameter,
      text(`at most ${maxTerms} names`, `最多 ${maxTerms} 个名称`, `最多 ${maxTerms} 個名稱`),
    );
  }
  return terms;
}

/** `account.owner.name` → its parts. */
export function splitPath(parameter: string, term: Term): string[] {
  const parts = term.source.split(".");
  // Names of what only the database sees.
  if (parts.some((part) => part.startsWith("_"))) throw noField(parameter, term.source, term.position);
  if (parts.length > maxPathLength) {
    throw queryError(
      parameter,
      text(
        `at most ${maxPathLength - 1} references in a row`,
        `最多连续 ${maxPathLength - 1} 个引用`,
        `最多連續 ${maxPathLength - 1} 個參照`,
      ),
      term.position,
    );
  }
  return parts;
}

/** `month(created_at)` → `["month", "created_at"]`; undefined when the term is no call. */
export function splitCall(term: Term): { name: string; argument: string; position: number } | undefined {
  const match = /^([a-z_]+)\(\s*([^()]*?)\s*\)$/.exec(term.source);
  if (!match) return undefined;
  return { name: match[1] ?? "", argument: match[2] ?? "", position: term.position + (match[1]?.length ?? 0) + 1 };
}
