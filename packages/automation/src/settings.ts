/** Numbers of the automation, each with its unit; the server may set them, tests make some shorter. */
export interface AutomationSettings {
  /** Turns that one worker process works on at once. */
  readonly concurrency: number;
  /** Of those, how many one tenant may have; fewer than all, so that no tenant waits for another one alone. */
  readonly tenantTurns: number;
  /** Runs of one tenant that a turn claims with one statement. */
  readonly claimRuns: number;
  /** Runs of a turn that are in the sandbox at once: one runs while the answers of the other are on their way. */
  readonly parallelRuns: number;
  /** ms after which a turn starts no further run and queues its tenant again behind the others. */
  readonly turnMs: number;
  /** ms that a claimed run stays with a worker that says nothing; a dead worker's runs are free after it. */
  readonly leaseMs: number;
  /** ms between two renewals of the leases that a worker holds. */
  readonly renewMs: number;
  /** ms that a finished run may wait for others to be written with it. */
  readonly finishMs: number;
  /** Change rows that one relay transaction dispatches. */
  readonly relayRows: number;
  /** ms that the relay waits after a signal, so that one transaction serves a burst of writes. */
  readonly relayMs: number;
  /** The same where the tenant had no workflow that a change could start: a new one's first change may wait so long. */
  readonly calmRelayMs: number;
  /** Tenants that one process relays at once. */
  readonly relayTenants: number;
  /** ms between two tenants of the slow sweep, which finds what lost signals left behind. */
  readonly sweepMs: number;
  /** Workflow runs that may follow from one another before the chain is stopped. */
  readonly maxDepth: number;
  /** Runs of one workflow on one record within a minute, counting those that another run caused. */
  readonly maxRunsPerMinute: number;
  /** Faults of the platform (lost connections, killed children) after which a run is given up. */
  readonly maxFaults: number;
  /** Workers that may die while they hold a run; one that takes each of them down must end somewhere. */
  readonly maxLosses: number;
  /** ms before the first retry after a fault of the platform; doubles each time up to `retryMaxMs`. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** Records that the calls of one run may read. */
  readonly rowsRead: number;
  /** Records that the calls of one run may write. */
  readonly rowsWritten: number;
  /** ms that running scripts get to end when the worker stops; after it they are given back. */
  readonly drainMs: number;
  /** Scripts whose types are checked at once, of each tenant one: a check may take a whole processor and all of its memory. */
  readonly typeChecks: number;
  /** Scripts that wait for it; more are refused for the time being, because their publishers wait too. */
  readonly typeChecksWaiting: number;
  /** ms that one check may take. Usual ones take a tenth of a second; the rest is for loaded machines. */
  readonly typeCheckMs: number;
  /** MB that one check may take; the compiler needs some 50 for the language and a tenant's objects. */
  readonly typeCheckMemoryMb: number;
  /** Faults that are told of one script, so that an answer stays readable. */
  readonly typeCheckFaults: number;
}

export const defaultSettings: AutomationSettings = {
  concurrency: 4,
  tenantTurns: 2,
  claimRuns: 25,
  parallelRuns: 2,
  turnMs: 600,
  leaseMs: 3_000,
  renewMs: 1_000,
  finishMs: 25,
  relayRows: 500,
  relayMs: 5,
  calmRelayMs: 200,
  relayTenants: 2,
  sweepMs: 5_000,
  maxDepth: 16,
  maxRunsPerMinute: 100,
  maxFaults: 8,
  maxLosses: 100,
  retryMs: 250,
  retryMaxMs: 30_000,
  rowsRead: 10_000,
  rowsWritten: 2_000,
  drainMs: 5_000,
  typeChecks: 2,
  typeChecksWaiting: 50,
  typeCheckMs: 10_000,
  typeCheckMemoryMb: 512,
  typeCheckFaults: 50,
};
