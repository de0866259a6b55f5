import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import type { ImportJob } from "@guanxi/client";
import type { Client } from "./objects.ts";
import type { Progress } from "./progress.ts";
import { rowsOf, SourceError } from "./source.ts";

/** What became of the rows of a file. */
export interface Imported {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
}

/**
 * Imports a CSV file by a stored mapping and waits for the end. Throws SourceError with every rejected row; the others are in by
 * then, and a later import finds them.
 */
export async function importFile(
  client: Client,
  object: string,
  mapping: string,
  file: string,
  progress: Progress = () => {},
): Promise<Imported> {
  const job = await client.records(object).import(await openAsBlob(file), { mapping });
  for await (const { processed, total } of job.progress()) progress(processed, total);
  const { status, error, rejected, created, updated, unchanged } = await job.ended();
  if (status !== "finished")
    throw new Error(`The import of ${file} ${status}: ${error?.detail ?? error?.title ?? "nobody said why"}`);
  if (rejected > 0) throw new SourceError(await rejectedRows(job, file));
  return { created, changed: updated, unchanged };
}

async function rejectedRows(job: ImportJob, file: string): Promise<string[]> {
  const rejected = rowsOf(await new Response(await job.errors()).text());
  return rejected.map((row) => `${basename(file)}, row ${row["import_row"]}: ${row["import_error"]}`);
}
