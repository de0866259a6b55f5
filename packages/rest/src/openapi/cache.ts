import type { Locale } from "@guanxi/base";
import type { Session } from "@guanxi/kernel";
import type { Snapshot } from "@guanxi/meta";
import { rightsKey } from "./document.ts";

type View<T> = (session: Session, locale: Locale) => T;

/** Descriptions by snapshot, rights and language, up to `size` of a snapshot; they go when it goes. */
export function cachedView<T>(size: number, make: View<T>): View<T> {
  const bySnapshot = new WeakMap<Snapshot, Map<string, T>>();
  return (session, locale) => {
    const views = bySnapshot.get(session.snapshot) ?? new Map<string, T>();
    bySnapshot.set(session.snapshot, views);
    const key = `${locale}|${rightsKey(session.actor.rights, session.snapshot.objects.keys())}`;
    const known = views.get(key);
    if (known !== undefined) return known;
    const made = make(session, locale);
    const oldest = views.keys().next();
    if (views.size >= size && !oldest.done) views.delete(oldest.value);
    views.set(key, made);
    return made;
  };
}
