import type { ObjectCore, Reference, RollupSource } from "./object-core.ts";
import { listsRecords } from "./infer.ts";
import { isReservedField } from "./names.ts";
import { pointer, type Report } from "./report.ts";
import type { Field, IncomingReference, Relation } from "./types.ts";

type Reports = ReadonlyMap<ObjectCore, Report>;

/** Who owns records is asked of the user, under a name that no definition can take from it. */
const ownedBy = ({ name, plural }: ObjectCore): IncomingReference => ({
  object: name,
  field: "owner",
  onDelete: "setNull",
  relation: `owned_${plural}`,
});

/** Which references point to each object, by the relation that leads back. */
export function incomingReferences(cores: readonly ObjectCore[]): ReadonlyMap<string, readonly IncomingReference[]> {
  const incoming = new Map<string, IncomingReference[]>(cores.map((core) => [core.name, []]));
  for (const core of cores) {
    incoming.get("user")?.push(ownedBy(core));
    for (const { target, column, onDelete, relation } of core.references)
      incoming.get(target)?.push({ object: core.name, field: column, onDelete, relation });
  }
  return incoming;
}

/** The relation of an object under a name; undefined where there is none. */
export function relationOf(
  { fields, incoming }: { fields: ReadonlyMap<string, Field>; incoming: readonly IncomingReference[] },
  name: string,
): Relation | undefined {
  const list = fields.get(name);
  if (list?.target !== undefined && listsRecords(list.type))
    return { name, object: list.target, field: name, way: "list" };
  const back = incoming.find(({ relation }) => relation === name);
  return back && { name, object: back.object, field: back.field, way: "back" };
}

/**
 * Reports targets that are not there, plurals used twice, and relations whose name is taken. Where both sides of a
 * reference are `known`, its relation has been held against the target's fields before.
 */
export function checkRelations(cores: readonly ObjectCore[], known: ReadonlySet<ObjectCore>, reports: Reports): void {
  const byName = new Map(cores.map((core) => [core.name, { core, relations: new Set<string>() }]));
  const owned = byName.get("user")?.relations;
  checkPlurals(cores, reports);
  for (const core of cores) {
    owned?.add(ownedBy(core).relation);
    for (const reference of core.references) {
      const { core: target, relations } = byName.get(reference.target) ?? {};
      if (target === undefined || relations === undefined || (reference.core && target.source !== "core")) {
        sayMissing(reference, reports.get(core));
        continue;
      }
      if (reference.column !== reference.field)
        checkTold(reference, target, known.has(core) && known.has(target), reports.get(core));
      const { relation } = reference;
      // The number of viewings may be called as the way to them is.
      const counted = target.rollups.some((r) => r.field === relation && isSource(r, core, reference));
      const isField = !(known.has(core) && known.has(target)) && !counted && target.parts.fields.has(relation);
      if (isReservedField(relation) || isField || relations.has(relation)) sayTaken(reference, reports.get(core));
      relations.add(relation);
    }
  }
}

const isSource = (rollup: RollupSource, child: ObjectCore, { field }: Reference): boolean =>
  rollup.child === child.name && rollup.reference === field;

/** A record of several objects is told by `object` and `id`: no object may be called so, and no record have another `object`. */
function checkTold(
  { field, target }: Reference,
  { parts }: Pick<ObjectCore, "parts">,
  checked: boolean,
  report: Report | undefined,
): void {
  const path = pointer("properties", field, "target");
  if (target === "object" || target === "id")
    report?.say(
      path,
      `an object called "${target}" cannot be among several: ${field}.${target} means something else`,
      `名为“${target}”的对象不能作为多个目标之一：${field}.${target} 另有含义`,
      `名為「${target}」的物件不能作為多個目標之一：${field}.${target} 另有含義`,
    );
  else if (!checked && parts.fields.has("object"))
    report?.say(
      path,
      `${target} has a field "object", by which a record of several objects tells which one it is of; rename that field`,
      `${target} 有字段“object”，而多目标引用的记录以它说明所属对象；请重命名该字段`,
      `${target} 有欄位「object」，而多目標參照的記錄以它說明所屬物件；請重新命名該欄位`,
    );
}

const sayMissing = ({ field, target, core }: Reference, report: Report | undefined): void =>
  report?.say(
    pointer("properties", field, core ? "fieldType" : "target"),
    `there is no object "${target}"`,
    `没有对象“${target}”`,
    `沒有物件「${target}」`,
  );

const sayTaken = ({ field, relation, target }: Reference, report: Report | undefined): void =>
  report?.say(
    pointer("properties", field, "relation"),
    `"${relation}" is taken on ${target}; say in "relation" what the way back is called`,
    `${target} 上已有“${relation}”，请用 relation 指定反向名称`,
    `${target} 上已有「${relation}」，請用 relation 指定反向名稱`,
  );

function checkPlurals(cores: readonly ObjectCore[], reports: Reports): void {
  const plurals = new Map<string, string>();
  for (const core of cores) {
    const { name, plural } = core;
    const other = plurals.get(plural);
    if (other === undefined) plurals.set(plural, name);
    else {
      reports
        .get(core)
        ?.say(
          "/plural",
          `"${plural}" is the plural of ${other}`,
          `“${plural}”是 ${other} 的复数名`,
          `「${plural}」是 ${other} 的複數名`,
        );
    }
  }
}
