/** How far something has come. */
export type Progress = (done: number, total: number) => void;

const barWidth = 30;
/** Between two lines where there is no bar, ms. */
const lineMs = 5_000;
const clearLine = "\r\u001B[K";

export interface Reporter {
  readonly log: (line: string) => void;
  readonly progress: Progress;
}

/** A bar that redraws itself on a terminal; elsewhere (a log file, CI) a line every few seconds. */
export function createReporter(out: NodeJS.WriteStream): Reporter {
  const log = (line: string) => out.write(`${out.isTTY ? clearLine : ""}${line}\n`);
  let toldAt = performance.now();
  if (!out.isTTY)
    return {
      log,
      progress(done, total) {
        if (performance.now() - toldAt < lineMs) return;
        toldAt = performance.now();
        log(`  ${done} of ${total}`);
      },
    };
  return {
    log,
    progress(done, total) {
      const full = total === 0 ? barWidth : Math.round((done / total) * barWidth);
      out.write(`${clearLine}  ${"█".repeat(full)}${"░".repeat(barWidth - full)} ${done} of ${total}`);
    },
  };
}
