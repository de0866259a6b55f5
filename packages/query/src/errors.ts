import { GuanxiError, text, type Text } from "@guanxi/base";
import { ExpressionError } from "@guanxi/expr";

/** A 400 that names the parameter and, inside it, the place. */
export function queryError(parameter: string, message: Text, position?: number): GuanxiError {
  return new GuanxiError("QUERY", {
    detail: message.en,
    issues: [{ path: parameter, code: "parameter", text: message, ...(position === undefined ? {} : { position }) }],
  });
}

export const noField = (parameter: string, name: string, position?: number): GuanxiError =>
  queryError(parameter, text(`there is no field "${name}"`, `没有字段“${name}”`, `沒有欄位「${name}」`), position);

/** Runs a check of the caller's expression; what is wrong with it becomes a 400 at `parameter`. */
export function inParameter<T>(parameter: string, check: () => T): T {
  try {
    return check();
  } catch (e) {
    if (e instanceof ExpressionError) throw queryError(parameter, e.text, e.position);
    throw e;
  }
}
