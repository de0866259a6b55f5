import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, type Fields } from "./client.ts";
import type { Progress } from "./progress.ts";
import { rowsOf, SourceError } from "./source.ts";

/** What became of the rows of a file. */
export interface Imported {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
}

interface Job {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly error: { readonly title: string; readonly detail?: string } | null;
  readonly ended_at: string | null;
}

/** Between two looks at a job, ms: soon at first, since most files are short. */
const firstLookMs = 50;
const lookMs = 500;

/**
 * Imports a CSV file by a stored mapping and waits for the end. Throws SourceError with every rejected row; the others are in by
 * then, and a later import finds them.
 */
export async function importFile(
  client: Client,
  plural: string,
  mapping: string,
  file: string,
  progress: Progress = () => {},
): Promise<Imported> {
  let job = await client.upload<Job>(`/api/import/${plural}?mapping=${mapping}`, file, "text/csv");
  for (let pause = firstLookMs; job.ended_at === null; pause = Math.min(lookMs, pause * 2)) {
    await sleep(pause);
    job = await client.call<Job>("GET", `/api/jobs/${job.id}`);
    progress(job.processed, job.total);
  }
  if (job.status !== "finished")
    throw new Error(`The import of ${file} ${job.status}: ${job.error?.detail ?? job.error?.title ?? ""}`);
  if (job.rejected > 0) throw new SourceError(await rejectedRows(client, job, file));
  return { created: job.created, changed: job.updated, unchanged: job.unchanged };
}

async function rejectedRows(client: Client, { id }: Job, file: string): Promise<string[]> {
  const rejected: readonly Fields[] = rowsOf(await client.text(`/api/jobs/${id}/errors`));
  return rejected.map((row) => `${basename(file)}, row ${row["import_row"]}: ${row["import_error"]}`);
}
