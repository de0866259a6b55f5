import type { ObjectCore } from "./object-core.ts";
import { pointer, type Report } from "./report.ts";
import type { ObjectType, Sharing, Snapshot, StoredField } from "./types.ts";

/** Objects between a record and the one that decides who sees it: each is a look into one more table for every row. */
export const mostSharingParents = 4;

/**
 * Tables that are looked into for one record, in all ways together: each stands in every statement that reads it. With as many a list is
 * planned in some 50 ms; they would be thousands where each of 4 parents may be of 12 objects.
 */
export const mostSharingLooks = 32;

/** The reference that decides who sees a record; undefined where its owner does. */
export const parentOf = (sharing: Sharing): string | undefined =>
  typeof sharing === "object" ? sharing.parent : undefined;

/** The references, one for each object that the parent may be of, of which at most one is filled. */
export function sharingParents(
  object: ObjectType,
  objects: Snapshot["objects"],
): readonly { readonly field: StoredField; readonly parent: ObjectType }[] {
  const field = object.fields.get(parentOf(object.sharing) ?? "");
  const references = field?.branches ?? (field?.column ? [field] : []);
  return references.flatMap((reference) => {
    const parent = objects.get(reference.target ?? "");
    return parent ? [{ field: reference, parent }] : [];
  });
}

/** Reports objects whose sharing by a parent comes back to themselves, leads on too far or over too many objects. */
export function checkSharing(cores: readonly ObjectCore[], reports: ReadonlyMap<ObjectCore, Report>): void {
  const byName = new Map(cores.map((core) => [core.name, core]));
  const shared = cores.filter((core) => reports.has(core) && parentOf(core.sharing) !== undefined);
  const wrong = shared.flatMap((core) => {
    const way = wrongWay(core, byName, [core.name]);
    return way ? [{ core, way }] : [];
  });
  for (const { core, way } of wrong) say(way, reports.get(core));
  if (wrong.length > 0) return;
  const looks = looksOf(byName);
  for (const core of shared) if (looks(core) > mostSharingLooks) sayMany(looks(core), reports.get(core));
}

/** The objects that may decide who sees a record of another, by its reference to the parent. */
const parentsOf = (core: ObjectCore, byName: ReadonlyMap<string, ObjectCore>): ObjectCore[] => {
  const parent = parentOf(core.sharing);
  const references = parent === undefined ? [] : core.references.filter(({ field }) => field === parent);
  return references.flatMap(({ target }) => byName.get(target) ?? []);
};

/** Of objects from which no way comes back: how many tables are looked into for a record. */
function looksOf(byName: ReadonlyMap<string, ObjectCore>): (core: ObjectCore) => number {
  const known = new Map<ObjectCore, number>();
  const looks = (core: ObjectCore): number => {
    const found = known.get(core) ?? parentsOf(core, byName).reduce((sum, next) => sum + 1 + looks(next), 0);
    known.set(core, found);
    return found;
  };
  return looks;
}

/** The objects on a way that ends where it began, or is too long; undefined where all ways end. */
function wrongWay(
  core: ObjectCore,
  byName: ReadonlyMap<string, ObjectCore>,
  way: readonly string[],
): readonly string[] | undefined {
  for (const next of parentsOf(core, byName)) {
    const target = next.name;
    const further = [...way, target];
    const isWrong = target === way[0] || way.length > mostSharingParents;
    const wrong = isWrong ? further : way.includes(target) ? undefined : wrongWay(next, byName, further);
    if (wrong) return wrong;
  }
  return undefined;
}

function say(way: readonly string[], report: Report | undefined): void {
  const words = way.join(" → ");
  const path = pointer("sharing", "parent");
  if (way[0] === way.at(-1))
    report?.say(
      path,
      `sharing comes back to itself: ${words}`,
      `共享设置回到自身：${words}`,
      `共享設定回到自身：${words}`,
    );
  else
    report?.say(
      path,
      `sharing leads on over more than ${mostSharingParents} parents: ${words}`,
      `共享设置经过的父对象超过 ${mostSharingParents} 个：${words}`,
      `共享設定經過的父物件超過 ${mostSharingParents} 個：${words}`,
    );
}

const sayMany = (looks: number, report: Report | undefined): void =>
  report?.say(
    pointer("sharing", "parent"),
    `who sees a record would be asked of ${looks} objects, ${mostSharingLooks} at most: name fewer objects in "target" of the parents, or share some of them otherwise`,
    `判断记录可见性需查询 ${looks} 个对象，最多 ${mostSharingLooks} 个：请减少父引用 target 中的对象，或为其中一些改用其他共享方式`,
    `判斷記錄可見性需查詢 ${looks} 個物件，最多 ${mostSharingLooks} 個：請減少父參照 target 中的物件，或為其中一些改用其他共享方式`,
  );
