import { GuanxiError, isGuanxiError } from "@guanxi/base";
import { fileObject } from "@guanxi/meta";
import { isGone } from "@guanxi/store";
import { toWeb } from "../backup-stream.ts";
import { createSweep, type Sweep } from "../sweep.ts";
import type { RecordAnswer, Records, Session } from "../types.ts";
import { type FilesEnv, filesOf } from "./env.ts";
import { tidyFiles } from "./tidy.ts";
import { type Upload, uploadFile } from "./upload.ts";

/** ms from one tenant to the next: a tenant is looked at for as long as it takes to find its files' names in an index. */
const sweepMs = 60_000;

/** What is sent with a file. */
export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  /** In hexadecimal. */
  readonly sha256: string;
}

export interface Files {
  /** Bytes of a file at most. */
  readonly mostBytes: number;
  /** Stores a file and makes its record. Throws TOO_LARGE, MALFORMED where the body breaks off, stands still or is empty; nothing stays then. */
  upload(session: Session, upload: Upload): Promise<RecordAnswer>;
  /** A file that the actor may read; NOT_FOUND else. */
  find(session: Session, id: string): Promise<StoredFile>;
  /** Its bytes, or those from `first` to `last`. */
  open(
    session: Session,
    file: StoredFile,
    range?: { first: number; last: number },
  ): Promise<ReadableStream<Uint8Array>>;
  /** Deletes a tenant's files that no record has named for long enough, and contents without a record. */
  tidy(tenant: string): Promise<void>;
  /** Does so for every tenant, one after the other, until it is stopped. */
  startSweep(): Sweep;
}

/** A tenant that went away meanwhile has taken its files along. */
function unlessGone(error: unknown): void {
  if (!isGuanxiError(error, "NOT_FOUND") && !isGone(error)) throw error;
}

export function createFiles(env: FilesEnv, records: Records): Files {
  return {
    mostBytes: env.settings.mostBytes,
    upload: (session, upload) => uploadFile(env, session, upload),
    async find(session, id) {
      if (!filesOf(session.snapshot)) throw new GuanxiError("NOT_FOUND");
      const { text } = await records.get(session, fileObject, id, { select: "id,name,size,content_type,sha256" });
      const { content_type: contentType, ...file } = JSON.parse(text) as Omit<StoredFile, "contentType"> & {
        content_type: string;
      };
      return { ...file, contentType };
    },
    async open({ tenant }, { id }, range) {
      const bytes = await env.storage.read({ tenant: tenant.id, id }, range);
      if (!bytes) throw new Error(`the storage has no content of the file ${id}`);
      return toWeb(bytes);
    },
    tidy: (tenant) => tidyFiles(env, tenant),
    startSweep: () =>
      createSweep({
        task: "files sweep",
        list: async () => (await env.tenants()).map(({ id }) => id),
        visit: (tenant) => tidyFiles(env, tenant).catch(unlessGone),
        intervalMs: sweepMs,
        observe: env.observe,
      }),
  };
}
