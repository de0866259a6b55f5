import { createHash } from "node:crypto";

/** What the embedded server runs with, on a small machine that it shares with the program itself. */
const common = {
  shared_buffers: "96MB",
  effective_cache_size: "512MB",
  work_mem: "8MB",
  maintenance_work_mem: "64MB",
  max_connections: "100",
  // Asynchronous reads by extra processes gain nothing on data that fits into memory.
  io_method: "sync",
  max_worker_processes: "4",
  max_parallel_workers: "2",
  max_parallel_workers_per_gather: "1",
  autovacuum_max_workers: "2",
  autovacuum_vacuum_scale_factor: "0.1",
  autovacuum_analyze_scale_factor: "0.05",
  random_page_cost: "1.1",
  jit: "off",
  checkpoint_timeout: "10min",
  max_wal_size: "512MB",
  min_wal_size: "80MB",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  // A file per weekday, overwritten a week later.
  logging_collector: "on",
  log_filename: "postgresql-%a.log",
  log_truncate_on_rotation: "on",
  log_rotation_age: "1d",
  log_rotation_size: "0",
  log_checkpoints: "off",
  log_line_prefix: "%m [%p] %q%u@%d ",
  unix_socket_permissions: "0700",
} as const;

/** For databases that nobody misses after a crash of the machine, such as those of tests. */
const forgetful = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
} as const;

export type Settings = Readonly<Record<string, string>>;

/** All settings but the address. `cluster_name` names them, so that a running server can be asked whether it has them. */
export function serverSettings(options: { fast: boolean; logDir: string }): Settings {
  const settings = { ...common, ...(options.fast ? forgetful : {}), log_directory: options.logDir };
  const digest = createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 12);
  return { ...settings, cluster_name: `guanxi-${digest}` };
}

export const asArguments = (settings: Settings): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
