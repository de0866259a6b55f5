import type { Io } from "./io.ts";

export interface Progress {
  /** `total` is undefined while nobody knows it. */
  show(done: number, total: number | undefined): void;
  /** A line that stays, above the bar. */
  say(text: string): void;
  /** Takes the bar away. */
  end(): void;
}

/** Between two drawings of a bar, ms: as often as an eye follows. */
const drawMs = 100;
/** Between two lines of a log, ms. */
const lineMs = 5_000;
const barWidth = 30;
/** Of a terminal that does not tell its own, columns. */
const unknownWidth = 80;

/** How far something has come, on standard error: a bar where somebody looks on, else a line every few seconds. */
export function createProgress(io: Io, what: string, format: (n: number) => string, unit = ""): Progress {
  const { stderr } = io;
  const live = stderr.isTTY === true;
  let shownAt = live ? Number.NEGATIVE_INFINITY : performance.now();
  let drawn = false;
  const clear = (): void => {
    if (drawn) stderr.write("\r\u001B[K");
    drawn = false;
  };
  return {
    show(done, total) {
      if (performance.now() - shownAt < (live ? drawMs : lineMs)) return;
      shownAt = performance.now();
      const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
      const amount = `${format(done)}${total === undefined ? "" : ` of ${format(total)}`}${unit}`;
      const percent = share === undefined ? "" : `${Math.floor(share * 100)}% `;
      if (!live) return void stderr.write(`${what}: ${percent}${amount}\n`);
      const full = Math.round((share ?? 0) * barWidth);
      const bar = share === undefined ? "" : `[${"=".repeat(full)}${" ".repeat(barWidth - full)}] `;
      const line = `${what} ${bar}${percent}${amount}`;
      stderr.write(`\r${line.slice(0, (stderr.columns || unknownWidth) - 1)}\u001B[K`);
      drawn = true;
    },
    say(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    end: clear,
  };
}
