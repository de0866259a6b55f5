import { type Locale, perKey, Recent } from "@guanxi/base";
import type { Session } from "@guanxi/kernel";
import type { Snapshot } from "@guanxi/meta";
import { rightsKey } from "./document.ts";

type View<T> = (session: Session, locale: Locale) => T;

/** Descriptions by snapshot, rights and language, the last `size` of a snapshot; they go when it goes. */
export function cachedView<T>(size: number, make: View<T>): View<T> {
  const viewsOf = perKey((_: Snapshot) => new Recent<string, T>(size));
  return (session, locale) => {
    const key = `${locale}|${rightsKey(session.actor.rights, session.snapshot.objects.keys())}`;
    const views = viewsOf(session.snapshot);
    return views.getOrMake(key, () => {
      const made = make(session, locale);
      // Whoever asks next tries again.
      if (made instanceof Promise) made.catch(() => views.delete(key));
      return made;
    });
  };
}
