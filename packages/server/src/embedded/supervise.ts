import type { Observe } from "@guanxi/base";
import { exists, type Home } from "./home.ts";
import { ownerOf } from "./processes.ts";

/** How soon a killed postmaster is noticed. */
const watchMs = 500;
/** Between attempts to start one that does not come up; doubled up to the second number. */
const retryMs = [500, 30_000] as const;

export interface Supervised {
  pid(): number;
  /** Stops watching, after an attempt under way has ended; resolves to the process id of the last server. */
  leave(): Promise<number>;
}

/** Starts PostgreSQL again whenever its postmaster is killed; its own processes it replaces by itself. */
export function supervise(home: Home, first: number, observe: Observe, relaunch: () => Promise<number>): Supervised {
  let pid = first;
  let leaving = false;
  let wake = (): void => {};
  // Nobody wakes a rest that begins after `leave`.
  const rest = (ms: number) =>
    leaving
      ? Promise.resolve()
      : new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms).unref();
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });

  async function watch(): Promise<void> {
    let pause: number = retryMs[0];
    for (;;) {
      await rest(watchMs);
      if (leaving) return;
      if ((await ownerOf(pid, home.cluster)) === "cluster") continue;
      if (!(await exists(home.cluster))) {
        observe({ kind: "connection_lost", to: "database", error: new Error(`${home.cluster} is gone`) });
        return;
      }
      observe({ kind: "database", message: `PostgreSQL (process ${pid}) ended unexpectedly; starting it again` });
      try {
        pid = await relaunch();
        pause = retryMs[0];
      } catch (error) {
        observe({ kind: "connection_lost", to: "database", error });
        await rest(pause);
        pause = Math.min(pause * 2, retryMs[1]);
      }
    }
  }

  const watching = watch();
  return {
    pid: () => pid,
    async leave() {
      leaving = true;
      wake();
      await watching;
      return pid;
    },
  };
}
