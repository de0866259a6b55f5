/** Tables for a terminal, where a Chinese character takes two columns. */

const zeroWidth = /\p{M}|[\u200B-\u200D]/u;
const wide =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;

/** Columns that the text takes in a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += zeroWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

export type Cell = string | number;

const decimal = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const shown = (cell: Cell): string => (typeof cell === "number" ? decimal.format(cell) : cell);

function aligned(text: string, width: number, right: boolean): string {
  const gap = " ".repeat(width - displayWidth(text));
  return right ? gap + text : text + gap;
}

/** Lines of a table. A column with numbers in it stands to the right, grouped by thousands; others to the left. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const right = headings.map((_, i) => rows.some((row) => typeof row[i] === "number"));
  const texts = [headings, ...rows.map((row) => row.map(shown))];
  const widths = headings.map((_, i) => Math.max(...texts.map((row) => displayWidth(row[i] ?? ""))));
  const lines = texts.map((row) =>
    row
      .map((t, i) => aligned(t, widths[i] ?? 0, right[i] === true))
      .join("  ")
      .trimEnd(),
  );
  return lines.toSpliced(1, 0, widths.map((w) => "─".repeat(w)).join("  "));
}
