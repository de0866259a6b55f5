import { type ObjectCore, references } from "./compile-object.ts";
import { isReservedField } from "./names.ts";
import { pointer, type Report } from "./report.ts";
import type { IncomingReference } from "./types.ts";

type Incoming = Map<string, IncomingReference[]>;

/**
 * Which references point to each object, by the relation that leads back. Reports targets that are not there, plurals
 * used twice, and relations whose name is taken.
 */
export function incomingReferences(
  cores: readonly ObjectCore[],
  reports: ReadonlyMap<string, Report>,
): ReadonlyMap<string, readonly IncomingReference[]> {
  const byName = new Map(cores.map((core) => [core.name, core]));
  const incoming: Incoming = new Map(cores.map((core) => [core.name, []]));
  checkPlurals(cores, reports);
  for (const core of cores) {
    const report = reports.get(core.name);
    // Who owns records is asked of the user, under a name that no definition can take from it.
    incoming
      .get("user")
      ?.push({ object: core.name, field: "owner", onDelete: "setNull", relation: `owned_${core.plural}` });
    for (const reference of references(core.stored.definition)) {
      const target = byName.get(reference.target);
      const path = pointer("properties", reference.field);
      if (target === undefined) {
        const { target: name } = reference;
        report?.say(`${path}/target`, `there is no object "${name}"`, `没有对象“${name}”`, `沒有物件「${name}」`);
        continue;
      }
      const taken = takenBy(reference.relation, target, incoming.get(target.name) ?? []);
      if (taken !== undefined) sayTaken(`${path}/relation`, reference.relation, target.name, report);
      incoming.get(target.name)?.push({
        object: core.name,
        field: reference.field,
        onDelete: core.fields.get(reference.field)?.onDelete ?? "restrict",
        relation: reference.relation,
      });
    }
  }
  return incoming;
}

function takenBy(relation: string, target: ObjectCore, there: readonly IncomingReference[]): string | undefined {
  if (isReservedField(relation)) return relation;
  if (target.fields.has(relation)) return relation;
  return there.find((other) => other.relation === relation)?.object;
}

const sayTaken = (path: string, relation: string, target: string, report: Report | undefined): void =>
  report?.say(
    path,
    `"${relation}" is taken on ${target}; say in "relation" what the way back is called`,
    `${target} 上已有“${relation}”，请用 relation 指定反向名称`,
    `${target} 上已有「${relation}」，請用 relation 指定反向名稱`,
  );

function checkPlurals(cores: readonly ObjectCore[], reports: ReadonlyMap<string, Report>): void {
  const plurals = new Map<string, string>();
  for (const { name, plural } of cores) {
    const other = plurals.get(plural);
    if (other === undefined) plurals.set(plural, name);
    else {
      reports
        .get(name)
        ?.say(
          "/plural",
          `"${plural}" is the plural of ${other}`,
          `“${plural}”是 ${other} 的复数名`,
          `「${plural}」是 ${other} 的複數名`,
        );
    }
  }
}
