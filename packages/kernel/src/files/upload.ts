import { grantWrite } from "@guanxi/access";
import { GuanxiError, newId } from "@guanxi/base";
import { fileObject } from "@guanxi/meta";
import { type ContentKey, contentTypeOf, type Received } from "@guanxi/storage";
import { isGone, quote } from "@guanxi/store";
import { arriving } from "../arriving.ts";
import { withFresh } from "../records/context.ts";
import { createRows, type FileFacts } from "../records/create.ts";
import type { RecordAnswer, Session } from "../types.ts";
import { type FilesEnv, filesOf } from "./env.ts";

export interface Upload {
  readonly name: string;
  /** What the sender says that it is. */
  readonly contentType: string;
  readonly body: ReadableStream<Uint8Array>;
}

export async function uploadFile(env: FilesEnv, session: Session, upload: Upload): Promise<RecordAnswer> {
  checkUpload(session, upload);
  const { storage, settings } = env;
  const id = newId();
  const key = { tenant: session.tenant.id, id };
  await env.records.store.sql(`INSERT INTO ${quote(session.tenant.schema)}._loose_content (id) VALUES ($1)`, [id]);
  let received: Received | undefined;
  try {
    received = await storage.receive(arriving(upload.body, "The body is the content of the file"), settings.mostBytes);
    const { bytes: size, sha256 } = received;
    const facts: FileFacts = { id, size, sha256, content_type: await contentTypeOf(received.path, upload.contentType) };
    await storage.keep(key, received);
    return await record(env, session, upload.name, facts);
  } catch (e) {
    await undo(env, session, key).catch((error: unknown) =>
      env.observe({ kind: "background_failed", task: "upload", tenant: key.tenant, error }),
    );
    throw e;
  } finally {
    if (received) await storage.discard(received);
  }
}

/** What can be said before anything is read. */
function checkUpload(session: Session, { name }: Upload): void {
  const object = filesOf(session.snapshot);
  if (!object)
    throw new GuanxiError("NOT_FOUND", { detail: `An object of this tenant has the name ${fileObject} itself.` });
  grantWrite(object, "create", session.actor.rights, session.snapshot);
  const { issues } = object.preparePatch({ name });
  if (issues.length > 0)
    throw new GuanxiError("QUERY", { issues: issues.map((issue) => ({ ...issue, path: issue.path.slice(1) })) });
}

/** The content gets its record, and so is no longer loose, in one transaction. */
const record = (env: FilesEnv, session: Session, name: string, facts: FileFacts): Promise<RecordAnswer> =>
  withFresh(env.records, session, (current) =>
    env.records.store.transaction(async (connection) => {
      const loose = `DELETE FROM ${quote(session.tenant.schema)}._loose_content WHERE id = $1 RETURNING id`;
      if ((await connection.sql(loose, [facts.id])).length === 0)
        throw new GuanxiError("UNAVAILABLE", { detail: "The upload took too long; send it again.", retryAfter: 1 });
      const inside = { ...current, connection };
      const [answer] = await createRows(env.records, inside, fileObject, [{ name }], () => "", facts);
      return answer as RecordAnswer;
    }),
  );

/** Deletes the content unless it has a record after all, which who lost the connection at the commit cannot know. */
async function undo({ records, storage }: FilesEnv, session: Session, key: ContentKey): Promise<void> {
  const table = `${quote(session.tenant.schema)}._loose_content`;
  const found = await records.store.sql(`SELECT id FROM ${table} WHERE id = $1 FOR UPDATE`, [key.id]).catch(ifGone);
  if (found?.length === 0) return;
  await storage.delete(key);
  if (found) await records.store.sql(`DELETE FROM ${table} WHERE id = $1`, [key.id]);
}

/** The tenant was deleted meanwhile. */
function ifGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
}
