/** Numbers of imports and exports, each with its unit; the server uses the defaults, tests make some shorter. */
export interface BulkSettings {
  /** Rows of an upload that are stored and later imported together: one transaction, whose locks last some 100 ms. */
  readonly chunkRows: number;
  /** Characters after which a chunk ends before it has all its rows, so that wide rows do not fill the memory. */
  readonly chunkLength: number;
  /** Characters of one row; a quote that is never closed would else swallow the rest of the file. */
  readonly rowLength: number;
  /** ms after which an upload of which nothing was heard is taken for dead, and removed. */
  readonly uploadLeaseMs: number;
  /** Tenants whose jobs one worker process works on at once. */
  readonly tenants: number;
  /** ms after which a job makes room for another tenant's that waits. */
  readonly turnMs: number;
  /** ms that a job stays with a worker that says nothing. */
  readonly leaseMs: number;
  /** ms between two renewals of a lease. */
  readonly renewMs: number;
  /** ms between two tenants of the slow sweep, which finds what lost signals left behind. */
  readonly sweepMs: number;
  /** Faults of the platform in a row after which a job is given up. */
  readonly maxFaults: number;
  /** ms before the first retry after such a fault; doubles each time up to `retryMaxMs`. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** Natural keys of one job whose records' ids are remembered. */
  readonly lookups: number;
  /** Days after its end that a job and its rejected rows can be read. */
  readonly keepDays: number;
}

export const defaultSettings: BulkSettings = {
  chunkRows: 500,
  chunkLength: 1_000_000,
  rowLength: 1_000_000,
  uploadLeaseMs: 60_000,
  tenants: 2,
  turnMs: 1_000,
  leaseMs: 3_000,
  renewMs: 1_000,
  sweepMs: 15_000,
  maxFaults: 8,
  retryMs: 250,
  retryMaxMs: 30_000,
  lookups: 10_000,
  keepDays: 30,
};
