import { GuanxiError, type Issue, isGuanxiError, text } from "@guanxi/base";
import type { Written } from "./types.ts";

/** Of a definition whose name another one in the change set has; `name` is filled in. */
export const comesTwice = text(
  '"{name}" comes twice in this change set',
  "“{name}”在此变更集中出现两次",
  "「{name}」在此變更集中出現兩次",
);

/** Issues of a definition as issues of the body that it stands in. */
const below = (path: string, issues: readonly Issue[]): Issue[] =>
  issues.map((issue) => ({ ...issue, path: path + issue.path }));

/** Does `work` to each; the faults of all are thrown at once, at their places in the body. What has no place is thrown at once. */
export async function each<Item extends Pick<Written<unknown>, "path">, R>(
  items: readonly Item[],
  work: (item: Item) => R | Promise<R>,
): Promise<R[]> {
  const done: R[] = [];
  const faults: GuanxiError[] = [];
  for (const item of items) {
    try {
      done.push(await work(item));
    } catch (error) {
      if (!isGuanxiError(error) || error.issues.length === 0) throw error;
      faults.push(new GuanxiError(error.code, { issues: below(item.path, error.issues), cause: error }));
    }
  }
  const [first] = faults;
  if (first === undefined) return done;
  const issues = faults.flatMap((fault) => fault.issues);
  throw new GuanxiError(first.code, { issues, cause: first });
}

/** Where a place in an object's definition stands in the body. */
export type PlaceOf = (object: string, path: string) => string;

/**
 * Faults that are known by the object that they are in (`params.object`), at their places in the body. Those of an object that the body does
 * not hold are told under its name.
 */
export function placed<T>(placeOf: PlaceOf, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isGuanxiError(error, "DEFINITION")) throw error;
    const issues = error.issues.flatMap((issue) => {
      const object = issue.params?.["object"];
      return [{ ...issue, path: typeof object === "string" ? placeOf(object, issue.path) : issue.path }];
    });
    throw new GuanxiError("DEFINITION", { issues, cause: error });
  }
}
