import type { Cost } from "@guanxi/sandbox";

export const runStatuses = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"] as const;
export type RunStatus = (typeof runStatuses)[number];

/** What a run has used so far, over all its activations. */
export interface RunCost extends Cost {
  readonly activations: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

/** Why a run failed, as the API shows it. */
export interface RunFault {
  /** `GX-SCRIPT`, `GX-LIMIT`, `GX-REPLAY`, `GX-INTERNAL`, or the code of the refusal that the script let through. */
  readonly code: string;
  readonly message: string;
  readonly name?: string;
  /** 1-based place in the script. */
  readonly line?: number;
  readonly column?: number;
  readonly stack?: string;
  readonly limit?: { readonly name: string; readonly limit: number; readonly used: number };
  /** Single faults of a refusal. */
  readonly errors?: unknown;
}

/** Another worker holds the run, or it was cancelled: nothing of it may be written here any more. */
export class RunLost extends Error {
  constructor(run: string) {
    super(`run ${run} is not ours any more`);
    this.name = "RunLost";
  }
}
