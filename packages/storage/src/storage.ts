import { rm } from "node:fs/promises";
import { join } from "node:path";
import { folderBackend } from "./folder.ts";
import { type S3Settings, s3Backend } from "./s3.ts";
import { receive, sweepSpool } from "./spool.ts";
import type { Storage } from "./types.ts";

export interface StorageSettings {
  /** Folder of contents, or of those that are on their way to `s3`; made when the first one comes. */
  readonly folder: string;
  readonly s3?: S3Settings | undefined;
}

/** The storage of files. What killed processes left of contents on their way is removed. */
export async function createStorage({ folder, s3 }: StorageSettings): Promise<Storage> {
  // No tenant's id begins with a point.
  const spool = join(folder, ".arriving");
  await sweepSpool(spool);
  return {
    ...(s3 ? s3Backend(s3) : folderBackend(folder)),
    receive: (body, mostBytes) => receive(spool, body, mostBytes),
    discard: ({ path }) => rm(path, { force: true }),
  };
}
