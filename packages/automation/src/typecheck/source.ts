import type { DefaultExport } from "@guanxi/sandbox";

export interface AnnotatedSource {
  /** `.js` where nothing in the script is TypeScript: the compiler is then as lenient as plain JavaScript wants it. */
  readonly name: "script.js" | "script.ts";
  readonly text: string;
  /** The place in the script of a place in `text`; both 1-based. */
  place(line: number, column: number): { readonly line: number; readonly column: number };
}

/** A name that no script has by chance. As long as `export` and `default` are what takes their places. */
const [exported, typed, plain] = ["let ǂǂ", ":$Main=", "      ="] as const;
const comment = "/** @type {$Main} */";

/**
 * The script with its default export declared as a `$Main`, which types its parameters without a word by its author. TypeScript
 * says so in the place of `export default`, JavaScript by a comment before it.
 */
export function annotate(script: string, code: string, main: DefaultExport | undefined): AnnotatedSource {
  const javascript = script === code;
  const name = javascript ? "script.js" : "script.ts";
  if (main === undefined) return { name, text: script, place: (line, column) => ({ line, column }) };
  const head = script.slice(0, main.start);
  const before = javascript ? commentAfter(head) : "";
  const between = script.slice(main.start + "export".length, main.word);
  const declaration = `${exported}${between}${javascript ? plain : typed}`;
  return { name, text: head + before + declaration + bodyOf(script, main, javascript), place: without(head, before) };
}

const lines = (text: string): string[] => text.split(/\r\n|[\n\r\u2028\u2029]/);

/** Behind other code, a comment would belong to that. */
const commentAfter = (head: string): string => (lines(head).at(-1)?.trim() === "" ? comment : `\n${comment}`);

/** What is exported. As an expression, a declared function needs an end and is no longer known by its name. */
function bodyOf(script: string, { word, declared }: DefaultExport, javascript: boolean): string {
  const start = word + "default".length;
  if (!declared) return script.slice(start);
  const known = javascript ? `/** @type {$Main} */var ${declared.name};` : `declare var ${declared.name}: $Main;`;
  const rest = `;${script.slice(declared.end)}`;
  return script.slice(start, declared.end) + rest + (declared.name === undefined ? "" : `\n${known}`);
}

/** Places as they are without `before`, which stands behind `head`. */
function without(head: string, before: string): AnnotatedSource["place"] {
  const line = lines(head).length;
  const column = (lines(head).at(-1) ?? "").length;
  const [first = "", second] = lines(before);
  if (second === undefined)
    return (l, c) => ({ line: l, column: l === line && c > column + first.length ? c - first.length : c });
  return (l, c) => {
    if (l <= line) return { line: l, column: c };
    return l === line + 1 ? { line, column: Math.max(1, c - second.length) + column } : { line: l - 1, column: c };
  };
}
