import { Recent } from "@guanxi/base";
import { objectRights, type Rights, type Session, systemRights } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import { declareTypes } from "./declare.ts";

const allRights: Rights = { all: true, object: () => new Set(objectRights), system: new Set(systemRights) };

/**
 * Declares the objects as scripts are checked against them: all, whatever the caller's rights, which count when the script runs.
 * Keeps the declarations of the last `size` sets of objects; a tenant's next metadata has mostly the same ones.
 */
export function createScriptTypes(size: number): (session: Session) => Promise<string> {
  const numbers = new WeakMap<ObjectType, number>();
  const kept = new Recent<string, Promise<string>>(size);
  let last = 0;

  function numberOf(object: ObjectType): number {
    const number = numbers.get(object) ?? ++last;
    numbers.set(object, number);
    return number;
  }

  return (session) => {
    const key = [session.tenant.id, ...[...session.snapshot.objects.values()].map(numberOf)].join(" ");
    return kept.getOrMake(key, () => {
      const types = declareTypes({ ...session, actor: { ...session.actor, rights: allRights } }, "en", "any");
      types.catch(() => kept.delete(key));
      return types;
    });
  };
}
