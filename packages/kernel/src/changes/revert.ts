import { isDeepStrictEqual } from "node:util";
import { GuanxiError } from "@guanxi/base";
import type { StoredObject } from "@guanxi/meta";
import { type Edition, readEditions } from "../plugins/editions.ts";
import { shownSettings } from "../settings.ts";
import type { Session } from "../types.ts";
import { laterChangeSets, touchedBy } from "./history.ts";
import { emptySet } from "./parse.ts";
import type { ChangeSet, DefinitionKind, Touched, Written } from "./types.ts";

/**
 * The change set that leads back from one of the history: what that one touched, as it was before. CONFLICT where any of it is not as that one
 * left it.
 */
export async function wayBack(
  session: Session,
  stored: readonly StoredObject[],
  kinds: readonly DefinitionKind[],
  id: string,
  options: Pick<ChangeSet, "message" | "allow">,
): Promise<ChangeSet> {
  const { version, touched } = await touchedBy(session, id);
  const changed = await changedSince(session, stored, kinds, touched);
  if (changed.length > 0) throw await tooLate(session, version, changed);
  const objects = touched.filter(({ kind }) => kind === "objects");
  const settings = touched.filter(({ kind }) => kind === "settings");
  const others = (kind: DefinitionKind): Touched[] => touched.filter((one) => one.kind === kind.name);
  const written = <T>(values: readonly T[]): Written<T>[] => values.map((value) => ({ path: "", value }));
  return {
    ...emptySet,
    ...options,
    plugins: new Map(touched.filter(({ kind }) => kind === "plugins").map((one) => [one.name, editionBefore(one)])),
    settings: Object.fromEntries(settings.map(({ name, before }) => [name, before])),
    others: new Map(kinds.map((kind) => [kind.name, written(others(kind).flatMap(({ before }) => before ?? []))])),
    gone: new Map(
      kinds.map((kind) => [kind.name, written(others(kind).flatMap((one) => (one.before === null ? one.name : [])))]),
    ),
    back: {
      set: id,
      objects: new Map(
        objects.map(({ before, after }) => [
          ((after ?? before) as StoredObject).id,
          (before ?? undefined) as StoredObject | undefined,
        ]),
      ),
    },
  };
}

/** An edition that was taken back does not come again by itself. */
function editionBefore({ before, after }: Touched): Edition | undefined {
  const [was, is] = [before as Edition | null, after as Edition | null];
  if (was === null) return undefined;
  return is && is.version !== was.version ? { ...was, held: is.version } : was;
}

async function changedSince(
  session: Session,
  stored: readonly StoredObject[],
  kinds: readonly DefinitionKind[],
  touched: readonly Touched[],
): Promise<Touched[]> {
  const settings = new Map<string, unknown>(Object.entries(shownSettings(session.snapshot.settings)));
  const plugins = await readEditions(session.connection, session.tenant.schema);
  const current = new Map<string, ReadonlyMap<string, unknown>>([
    ["settings", settings],
    ["plugins", plugins],
  ]);
  for (const kind of kinds) current.set(kind.name, await kind.read(session));
  const now = ({ kind, name, before, after }: Touched): unknown =>
    kind === "objects"
      ? stored.find(({ id }) => id === ((after ?? before) as StoredObject).id)
      : current.get(kind)?.get(name);
  return touched.filter((one) => !isDeepStrictEqual(now(one) ?? null, one.after));
}

async function tooLate(session: Session, version: number, changed: readonly Touched[]): Promise<GuanxiError> {
  const later = await laterChangeSets(session, version, changed);
  const names = changed.map(({ kind, name }) => `${kind}/${name}`).join(", ");
  const by = later.length === 0 ? "" : ` by ${later.join(", ")}; take these back first, the newest before the others`;
  return new GuanxiError("CONFLICT", { detail: `Changed since: ${names}${by}.` });
}
