import { GuanxiError } from "@guanxi/base";
import type { RecordAnswer, Records } from "../types.ts";
import { type RecordsEnv, withFresh } from "./context.ts";
import { createRows, eachAlone, prepareRows } from "./create.ts";
import { deleteRecord, restoreRecord } from "./delete.ts";
import { recordHistory } from "./history.ts";
import { aggregateRecords, getRecord, getRecordBy, listRecords, revealFields } from "./read.ts";
import { patchesOf, singlePatch, updateRows } from "./update.ts";
import { upsertRecord } from "./upsert.ts";

/** Rows of one array request; more would hold locks and memory for too long, and belong into an import. */
export const maxRows = 1_000;

function bounded(rows: readonly unknown[]): void {
  if (rows.length > maxRows)
    throw new GuanxiError("TOO_LARGE", {
      detail: `At most ${maxRows} records in one request; send the rest in further ones.`,
    });
}

const together = (answers: readonly RecordAnswer[]): string => `{"data":[${answers.map((a) => a.text).join(",")}]}`;
const only = (answers: readonly RecordAnswer[]): RecordAnswer => answers[0] as RecordAnswer;

export function createRecords(env: RecordsEnv): Records {
  const create: Records["create"] = (session, object, value) =>
    withFresh(env, session, async (s) => only(await createRows(env, s, object, [value], () => "")));
  const update: Records["update"] = (session, object, id, patch, options = {}) =>
    withFresh(env, session, async (s) => only(await updateRows(env, s, object, [singlePatch(id, patch, options)])));
  return {
    create,
    update,
    async createMany(session, object, values, { atomic = true, locale = "en" } = {}) {
      bounded(values);
      if (!atomic) return eachAlone(session, values, locale, (value) => create(session, object, value));
      return withFresh(env, session, async (s) => together(await createRows(env, s, object, values, (i) => `/${i}`)));
    },
    async prepareMany(session, object, values) {
      bounded(values);
      return prepareRows(env, session, object, values);
    },
    async updateMany(session, object, values, { atomic = true, locale = "en" } = {}) {
      bounded(values);
      if (!atomic)
        return eachAlone(session, values, locale, async (value) =>
          withFresh(env, session, async (s) =>
            only(
              await updateRows(
                env,
                s,
                object,
                patchesOf([value], () => ""),
              ),
            ),
          ),
        );
      return withFresh(env, session, async (s) =>
        together(
          await updateRows(
            env,
            s,
            object,
            patchesOf(values, (i) => `/${i}`),
          ),
        ),
      );
    },
    get: (session, object, id, options = {}) => withFresh(env, session, (s) => getRecord(s, object, id, options)),
    getBy: (session, object, field, value, options = {}) =>
      withFresh(env, session, (s) => getRecordBy(s, object, field, value, options)),
    list: (session, object, parameters) => withFresh(env, session, (s) => listRecords(s, object, parameters)),
    aggregate: (session, object, parameters) => withFresh(env, session, (s) => aggregateRecords(s, object, parameters)),
    upsert: (session, object, field, value, body) =>
      withFresh(env, session, (s) => upsertRecord(env, s, object, field, value, body)),
    delete: (session, object, id, options = {}) =>
      withFresh(env, session, (s) => deleteRecord(env, s, object, id, options)),
    reveal: (session, object, id, fields) => withFresh(env, session, (s) => revealFields(env, s, object, id, fields)),
    restore: (session, object, id) => withFresh(env, session, (s) => restoreRecord(env, s, object, id)),
    history: (session, object, id, parameters) =>
      withFresh(env, session, (s) => recordHistory(s, object, id, parameters)),
  };
}
