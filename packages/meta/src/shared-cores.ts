import { ObjectCore, pack } from "./object-core.ts";

/** By the packed text, which the core holds anyway. Held weakly: a core lives as long as a snapshot that has it. */
const cores = new Map<string, WeakRef<ObjectCore>>();
const collected = new FinalizationRegistry<string>((packed) => {
  if (cores.get(packed)?.deref() === undefined) cores.delete(packed);
});

/** The object of this stored definition: one for all tenants whose definitions are the same, ids included. */
export function sharedCore(text: string): ObjectCore {
  const packed = pack(text);
  const known = cores.get(packed)?.deref();
  if (known) return known;
  const core = new ObjectCore(packed);
  cores.set(packed, new WeakRef(core));
  collected.register(core, packed);
  return core;
}
