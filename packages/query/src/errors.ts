import { GuanxiError, text, type Text } from "@guanxi/base";
import { ExpressionError } from "@guanxi/expr";
import type { Field } from "@guanxi/meta";

/** A 400 that names the parameter and, inside it, the place. */
export function queryError(parameter: string, message: Text, position?: number): GuanxiError {
  return new GuanxiError("QUERY", {
    detail: message.en,
    issues: [{ path: parameter, code: "parameter", text: message, ...(position === undefined ? {} : { position }) }],
  });
}

export const noField = (parameter: string, name: string, position?: number): GuanxiError =>
  queryError(parameter, text(`there is no field "${name}"`, `没有字段“${name}”`, `沒有欄位「${name}」`), position);

/** Records of several objects have no order of their own, and no common value to be grouped by. */
export function refuseWhole(parameter: string, name: string, field: Field, position?: number): void {
  const [first] = field.branches ?? [];
  if (!first) return;
  const parts = `${name}.object, ${name}.id`;
  const walk = `${name}.${first.target}`;
  throw queryError(
    parameter,
    text(
      `"${name}" leads to records of several objects: take ${parts} or a field of one of the objects, as in ${walk}.id`,
      `“${name}”指向多个对象的记录：请用 ${parts}，或其中一个对象的字段，例如 ${walk}.id`,
      `「${name}」指向多個物件的記錄：請用 ${parts}，或其中一個物件的欄位，例如 ${walk}.id`,
    ),
    position,
  );
}

/** Runs a check of the caller's expression; what is wrong with it becomes a 400 at `parameter`. */
export function inParameter<T>(parameter: string, check: () => T): T {
  try {
    return check();
  } catch (e) {
    if (e instanceof ExpressionError) throw queryError(parameter, e.text, e.position);
    throw e;
  }
}
