import { setTimeout as sleep } from "node:timers/promises";
import { GuanxiProblem, type ProblemIssue } from "@guanxi/client";
import type { Api, Request } from "./api.ts";
import { Interrupted } from "./failure.ts";
import type { Io } from "./io.ts";
import { createProgress } from "./progress.ts";
import type { ChangeSetAnswer, Step } from "./project/steps.ts";

/** The answer to a change of definitions that is not done in time. */
export interface StillBuilding {
  readonly id: string;
  readonly state: "building";
}

export const isStillBuilding = (answer: object | undefined): answer is StillBuilding =>
  answer !== undefined && "state" in answer && answer.state === "building";

/** A change set as `GET /api/meta/changes/{id}` tells it, and without progress and problem the list. */
export interface ChangeSetEntry {
  readonly id: string;
  readonly state: "building" | "applied" | "failed";
  readonly version: number | null;
  readonly at: string;
  readonly by: string | null;
  readonly message: string | null;
  readonly reverts: string | null;
  readonly pruned: boolean;
  readonly changes: readonly { readonly kind: string; readonly name: string }[];
  readonly steps: readonly Step[];
  readonly progress?: { readonly done: number; readonly of: number; readonly share?: number };
  readonly problem?: {
    readonly status: number;
    readonly code: string;
    readonly title: string;
    readonly detail?: string;
    readonly errors?: readonly ProblemIssue[];
  };
}

/** Between two looks at it, ms. */
const lookMs = 500;

/** Waits for the end of a change set that is being built and shows how far it is. Rejects with GuanxiProblem where it failed. */
export async function followChangeSet(io: Io, api: Api, { id }: StillBuilding): Promise<ChangeSetAnswer> {
  const progress = createProgress(io, `building ${id}`, (n) => n.toFixed(1), " steps");
  try {
    for (;;) {
      const {
        state,
        version,
        steps,
        problem,
        progress: far,
      } = await api.json<ChangeSetEntry>({
        path: `/api/meta/changes/${id}`,
      });
      if (problem) throw new GuanxiProblem(problem);
      if (state === "applied" && version !== null) return { id, version, ok: true, steps };
      if (far) progress.show(far.done + (far.share ?? 0), far.of);
      await sleep(lookMs, undefined, { signal: io.interrupted }).catch(() => undefined);
      if (io.interrupted.aborted)
        throw new Interrupted(
          `Interrupted; the server goes on with the change set ${id}: GET /api/meta/changes/${id}.`,
        );
    }
  } finally {
    progress.end();
  }
}

/** The answer to a request that changes definitions, waited for where it goes on. */
export async function changeDefinitions(io: Io, api: Api, request: Request): Promise<ChangeSetAnswer> {
  const answer = await api.json<ChangeSetAnswer | StillBuilding>(request);
  return isStillBuilding(answer) ? followChangeSet(io, api, answer) : answer;
}
