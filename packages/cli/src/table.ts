/** Characters that take two columns of a terminal: Chinese, Japanese, Korean, full-width forms, emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** Control characters would command the terminal of whoever lists other people's texts. */
const control = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

export const plain = (text: string): string => text.replaceAll(control, "�");

const widthOf = (text: string): number => [...text].reduce((sum, c) => sum + (wide.test(c) ? 2 : 1), 0);

/** Columns with heads, padded for a terminal; empty cells stay empty. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heads, ...rows].map((row) => row.map(plain));
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? ""))));
  const pad = (cell: string, i: number): string => cell + " ".repeat((widths[i] ?? 0) - widthOf(cell));
  return cells.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

export const count = (n: number): string => n.toLocaleString("en");

/** `1.2 MB`. */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1_000 ** power).toFixed(1)} ${units[power]}`;
}
