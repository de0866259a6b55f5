import type { ObjectCore } from "./object-core.ts";
import { pointer, type Report } from "./report.ts";
import type { ObjectType, Sharing, Snapshot, StoredField } from "./types.ts";

/** Objects between a record and the one that decides who sees it: each is a look into one more table for every row. */
export const mostSharingParents = 4;

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

/** Reports objects whose sharing by a parent comes back to themselves, or leads on too far. */
export function checkSharing(cores: readonly ObjectCore[], reports: ReadonlyMap<ObjectCore, Report>): void {
  const byName = new Map(cores.map((core) => [core.name, core]));
  for (const core of cores) {
    const report = reports.get(core);
    const way = report && parentOf(core.sharing) !== undefined ? wrongWay(core, byName, [core.name]) : undefined;
    if (way) say(way, report);
  }
}

/** The objects on a way that ends where it began, or is too long; undefined where all ways end. */
function wrongWay(
  core: ObjectCore,
  byName: ReadonlyMap<string, ObjectCore>,
  way: readonly string[],
): readonly string[] | undefined {
  const parent = parentOf(core.sharing);
  for (const { field, target } of parent === undefined ? [] : core.references) {
    const next = field === parent ? byName.get(target) : undefined;
    if (!next) continue;
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
