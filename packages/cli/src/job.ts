import { GuanxiProblem, type JobState } from "@guanxi/client";
import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "./api.ts";
import type { Io } from "./io.ts";
import { createProgress, type Progress } from "./progress.ts";
import { count } from "./table.ts";

/** Between two looks at a job: soon at first, for files of a few rows; ms. */
const firstLookMs = 50;
const lookMs = 500;
/** A server that is started anew is there again within that, ms. */
const patienceMs = 60_000;

export const jobPath = (id: string): string => `/api/jobs/${id}`;

const hasEnded = ({ status }: JobState): boolean => status !== "queued" && status !== "running";

/** Waits for a job's end and shows its progress. An interruption asks the server to cancel it; → what the job is then. */
export async function followJob(io: Io, api: Api, job: JobState): Promise<JobState> {
  const progress = createProgress(io, "import", count, " rows");
  // The look that is under way at an interruption ends as it would have.
  const { signal } = new AbortController();
  const look = (): Promise<JobState> =>
    patiently(progress, () => api.json<JobState>({ path: jobPath(job.id), signal }));
  try {
    let seen = job;
    for (let pause = firstLookMs; !hasEnded(seen) && !io.interrupted.aborted; pause = Math.min(lookMs, pause * 2)) {
      await sleep(pause, undefined, { signal: io.interrupted }).catch(() => undefined);
      seen = await look();
      progress.show(seen.processed, seen.total);
    }
    if (hasEnded(seen)) return seen;
    progress.say("Interrupted: cancelling the import …");
    await cancel(api, job.id, signal);
    return await look();
  } finally {
    progress.end();
  }
}

async function cancel(api: Api, id: string, signal: AbortSignal): Promise<void> {
  try {
    await api.json({ method: "POST", path: `${jobPath(id)}/cancel`, signal });
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof GuanxiProblem) || error.code !== "GX-CONFLICT") throw error;
  }
}

/** Whether the server may answer again in a moment, with the job still there. */
const mayPass = (error: unknown): boolean =>
  error instanceof GuanxiProblem && [0, 429, 502, 503, 504].includes(error.status);

async function patiently<T>(progress: Progress, ask: () => Promise<T>): Promise<T> {
  let since: number | undefined;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!mayPass(error) || (since !== undefined && performance.now() - since > patienceMs)) throw error;
      if (since === undefined) progress.say("The server does not answer; waiting for it.");
      since ??= performance.now();
      await sleep(lookMs);
    }
  }
}
