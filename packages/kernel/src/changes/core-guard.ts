import { isDeepStrictEqual } from "node:util";
import { GuanxiError, type Issue } from "@guanxi/base";
import type { ObjectDefinition, StoredObject } from "@guanxi/meta";
import { coreObjects } from "../core-objects.ts";

/** What every tenant relies on stays: core objects may get further fields, keys and rules, and nothing else. */
export function guardCore(previous: StoredObject, definition: ObjectDefinition): void {
  const core = coreObjects.find((o) => previous.source === "core" && o.name === previous.name);
  if (!core) return;
  const same = (path: string, was: unknown, is: unknown): readonly string[] =>
    isDeepStrictEqual(was, is) ? [] : [path];
  const uniques = definition.unique ?? [];
  const paths = [
    ...(["name", "plural", "nameField", "sharing"] as const).flatMap((k) =>
      same(`/${k}`, core[k] ?? false, definition[k] ?? false),
    ),
    ...(core.required?.every((f) => definition.required?.includes(f)) === false ? ["/required"] : []),
    ...(core.unique?.every((key) => uniques.some((u) => isDeepStrictEqual(key, u))) === false ? ["/unique"] : []),
    ...Object.entries(core.properties).flatMap(([f, p]) => {
      const was = previous.definition.properties[f];
      // A field of the tenant's own that got its name before the core's did may be changed, and so renamed.
      const own = was !== undefined && !isDeepStrictEqual(was, p);
      return own ? [] : same(`/properties/${f}`, p, definition.properties[f]);
    }),
  ];
  if (paths.length === 0) return;
  const message = `belongs to the core object ${previous.name} and cannot be changed`;
  const issues = paths.map((path): Issue => ({ path, code: "definition", params: { message } }));
  throw new GuanxiError("DEFINITION", { issues });
}
