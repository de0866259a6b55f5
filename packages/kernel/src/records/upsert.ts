import { authorize } from "@guanxi/access";
import { GuanxiError, isGuanxiError, isObject, type Issue } from "@guanxi/base";
import type { Field, ObjectType, StoredField } from "@guanxi/meta";
import { askGet } from "@guanxi/query";
import type { RecordAnswer, Session } from "../types.ts";
import { askerOf, objectOf, type RecordsEnv, runQuery } from "./context.ts";
import { createRows } from "./create.ts";
import { keyFromPath, uniqueField } from "./read.ts";
import { singlePatch, updateRows } from "./update.ts";

/** Each round meets one more rival's create or delete between our look and our write. */
const maxRounds = 5;

async function findId(
  session: Session,
  object: ObjectType,
  field: StoredField,
  value: string,
): Promise<string | undefined> {
  const asked = askGet(session.snapshot, object, field, { select: "id" });
  const plan = authorize(asked.plan, session.actor.rights, session.snapshot.objects);
  const [row] = await runQuery<{ id: string }>(session, {
    name: `${object.name}.find`,
    ...asked.statement(plan, { ...askerOf(session), key: value }),
    prepare: true,
  });
  return row?.id;
}

/** The body with its key. Throws VALIDATION when the address holds no value of the field or the body another one. */
function withKey(
  object: ObjectType,
  field: Field,
  text: string,
  body: unknown,
): { key: string; record: Record<string, unknown> } {
  const refuse = (issue: Issue): never => {
    throw new GuanxiError("VALIDATION", { issues: [issue] });
  };
  const path = `/${field.name}`;
  if (field.readOnly) refuse({ path, code: "read_only" });
  if (!isObject(body)) return refuse({ path: "", code: "type", params: { type: "object" } });
  const key = keyFromPath(object, field, text);
  if (key === undefined || key === null || key === "")
    return refuse({ path, code: "format", params: { format: field.type } });
  const stated = (body as Record<string, unknown>)[field.name];
  if (stated !== undefined && keyFromPath(object, field, String(stated)) !== key)
    refuse({ path, code: "const", params: { value: text } });
  return { key: String(key), record: { ...body, [field.name]: key } };
}

/** Creates the record; a caller's transaction survives it when a rival was faster. */
async function createAside(env: RecordsEnv, session: Session, name: string, record: unknown): Promise<RecordAnswer> {
  const create = async (inside: Session) =>
    (await createRows(env, inside, name, [record], () => ""))[0] as RecordAnswer;
  const { connection } = session;
  return connection.inTransaction
    ? env.store.savepoint(connection, (inside) => create({ ...session, connection: inside }))
    : create(session);
}

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
  const { key, record } = withKey(object, field, value, body);
  let refused: unknown;
  for (let round = 0; round < maxRounds; round++) {
    const id = await findId(session, object, field, key);
    try {
      if (id !== undefined)
        return (await updateRows(env, session, name, [singlePatch(id, record, {})]))[0] as RecordAnswer;
      return await createAside(env, session, name, record);
    } catch (e) {
      const rival =
        id === undefined
          ? isGuanxiError(e, "CONFLICT") && e.issues.some((i) => i.path === `/${field.name}`)
          : isGuanxiError(e, "NOT_FOUND");
      if (!rival) throw e;
      refused = e;
    }
  }
  throw refused;
}
