import { authorize } from "@guanxi/access";
import { GuanxiError, isGuanxiError } from "@guanxi/base";
import type { Field, ObjectType } from "@guanxi/meta";
import { compileRead, resolveGet } from "@guanxi/query";
import type { RecordAnswer, Session } from "../types.ts";
import { objectOf, type RecordsEnv, runQuery, sqlContext } from "./context.ts";
import { createRows } from "./create.ts";
import { uniqueField } from "./read.ts";
import { singlePatch, updateRows } from "./update.ts";

/** Each round meets one more rival's create or delete between our look and our write. */
const maxRounds = 5;

async function findId(session: Session, object: ObjectType, field: Field, value: string): Promise<string | undefined> {
  const plan = authorize(
    resolveGet(session.snapshot, object, { field, value }, { select: "id" }),
    session.actor.rights,
  );
  const [row] = await runQuery<{ id: string }>(session, {
    name: `${object.name}.find`,
    ...compileRead(plan, sqlContext(session)),
    prepare: true,
  });
  return row?.id;
}

function keyValue(session: Session, object: ObjectType, field: Field, value: string): string {
  const { value: prepared, issues } = object.preparePatch(
    { [field.name]: numeric(field) ? Number(value) : value },
    { now: session.now },
  );
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return String(prepared[field.name]);
}

const numeric = (field: Field): boolean => field.exprType.kind === "int" || field.exprType.kind === "decimal";

/** Patches the record with this key, else creates it; whichever rivals do at once, one record comes of it. */
export async function upsertRecord(
  env: RecordsEnv,
  session: Session,
  name: string,
  fieldName: string,
  value: string,
  body: unknown,
): Promise<RecordAnswer> {
  const object = objectOf(session, name);
  const field = uniqueField(object, fieldName);
  if (field.readOnly) throw new GuanxiError("VALIDATION", { issues: [{ path: `/${field.name}`, code: "read_only" }] });
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new GuanxiError("VALIDATION", { issues: [{ path: "", code: "type", params: { type: "object" } }] });
  const key = keyValue(session, object, field, value);
  const stated = (body as Record<string, unknown>)[field.name];
  const record = { ...body, [field.name]: stated ?? (numeric(field) ? Number(key) : key) };
  let refused: unknown;
  for (let round = 0; round < maxRounds; round++) {
    const id = await findId(session, object, field, key);
    try {
      if (id !== undefined)
        return (await updateRows(env, session, name, [singlePatch(id, record, {})]))[0] as RecordAnswer;
      return (await createRows(env, session, name, [record], () => ""))[0] as RecordAnswer;
    } catch (e) {
      const rival =
        id === undefined
          ? isGuanxiError(e, "CONFLICT") && e.issues.some((i) => i.path === `/${field.name}`)
          : isGuanxiError(e, "NOT_FOUND");
      // A violation inside a caller's transaction has ended it; there is no next round.
      if (!rival || session.connection.inTransaction) throw e;
      refused = e;
    }
  }
  throw refused;
}
