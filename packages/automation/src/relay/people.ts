import { isGuanxiError } from "@guanxi/base";
import type { Actor, Kernel } from "@guanxi/kernel";

/** Who made a change, as scripts and conditions see them. */
export interface Person {
  readonly id: string;
  readonly name?: string;
  readonly email?: string | null;
}

export interface KnownPerson {
  readonly person: Person;
  /** The user's record, for conditions. */
  readonly record: Record<string, unknown>;
}

/** Who the user is; somebody who is gone keeps their id. */
export async function findPerson(kernel: Kernel, tenant: string, id: string): Promise<KnownPerson> {
  try {
    const { actor } = await kernel.sessionFor(tenant, id, { depth: 0 });
    return { person: personOf(actor), record: actor.record };
  } catch (error) {
    if (isGuanxiError(error)) return { person: { id }, record: { id } };
    throw error;
  }
}

export const personOf = ({ user, name, email }: Actor): Person => ({ id: user, name, email });
