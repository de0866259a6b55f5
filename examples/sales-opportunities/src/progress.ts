import type { Progress } from "./sync.ts";

const barWidth = 30;
const clearLine = "\r\u001B[K";

export interface Reporter {
  readonly log: (line: string) => void;
  readonly progress: Progress;
}

/** A bar that redraws itself on a terminal; elsewhere (a log file, CI) only lines. */
export function createReporter(out: NodeJS.WriteStream): Reporter {
  const log = (line: string) => out.write(`${out.isTTY ? clearLine : ""}${line}\n`);
  if (!out.isTTY) return { log, progress: (done, total) => log(`  ${done} of ${total}`) };
  return {
    log,
    progress(done, total) {
      const full = total === 0 ? barWidth : Math.round((done / total) * barWidth);
      out.write(`${clearLine}  ${"█".repeat(full)}${"░".repeat(barWidth - full)} ${done} of ${total}`);
    },
  };
}
