import { checkExpression, ExpressionError, nodesOf } from "@guanxi/expr";
import { plainScope } from "./formulas.ts";
import { relationOf } from "./relations.ts";
import { isRollup, sourceOf } from "./rollup-results.ts";
import { fieldOrBranch } from "./several.ts";
import { parentOf } from "./sharing.ts";
import { tableNamed } from "./tables.ts";
import type { FieldDefinition, ObjectDefinition, ObjectType, Snapshot } from "./types.ts";

/** A definition that names an object or one of its fields, and so may break when that goes away. */
export interface Use {
  /** What names it, in words: `rule late of visit`. */
  readonly by: string;
  /** The definition that this stands in: its kind (`objects`, `workflows`) and name. */
  readonly kind: string;
  readonly name: string;
  /** Ids of what is named; the object itself where there is no field. */
  readonly object: number;
  readonly field?: number;
  /** Whether it goes along with a rename by itself. */
  readonly follows: boolean;
  /** Whether it stands in an object that is set aside: it needs what it names to be there, though not in sight. */
  readonly aside?: true;
}

/** What is named, by ids. */
export type Used = Pick<Use, "object" | "field"> & { readonly follows?: boolean };

/**
 * Every place in the definitions of a tenant's objects that names an object or a field. Whatever else comes to name them in a
 * definition, such as a formula, is told here; what other rooms define tells of itself.
 */
export const objectUses = (snapshot: Snapshot): readonly Use[] => [
  ...[...snapshot.objects.values()].flatMap((object) => usesIn(object, snapshot)),
  ...[...snapshot.aside.values()].flatMap((object) => usesAside(object, snapshot)),
];

function usesAside(object: ObjectType, snapshot: Snapshot): Use[] {
  const { name, source, columns, stored } = object;
  return columns.flatMap((field) => {
    const target = field.system ? undefined : tableNamed(snapshot, field.target ?? "");
    const by = `reference ${stored.aside?.name}.${field.branchOf ?? field.name} of the plugin ${source}, which is away`;
    return target ? [{ by, kind: "objects", name, object: target.id, follows: true, aside: true } as const] : [];
  });
}

function usesIn(object: ObjectType, snapshot: Snapshot): Use[] {
  const { name } = object;
  const { definition } = object.stored;
  const use = (by: string, used: Used, follows = false): Use => ({ by, kind: "objects", name, follows, ...used });
  const references = object.columns.flatMap((field) => {
    const target = field.system ? undefined : snapshot.objects.get(field.target ?? "");
    const { branchOf = field.name } = field;
    return target === undefined ? [] : [use(`reference ${name}.${branchOf}`, { object: target.id }, true)];
  });
  const named = namesIn(object, definition).flatMap(([by, fields]) =>
    fields.flatMap((field) => fieldNamed(object, field)).map((used) => use(by, used)),
  );
  const asked = expressionsIn(definition).flatMap(([by, source]) =>
    expressionUses(source, object, snapshot).map((used) => use(by, used)),
  );
  const rolled = Object.entries(definition.properties).flatMap(([field, of]) =>
    rollupUses(of, snapshot).map((used) => use(`roll-up ${name}.${field}`, used, true)),
  );
  return [...references, ...named, ...asked, ...rolled];
}

/** What a roll-up looks at in records of another object. */
function rollupUses(definition: FieldDefinition, snapshot: Snapshot): Used[] {
  if (!isRollup(definition)) return [];
  const [name, reference] = sourceOf(definition);
  const child = snapshot.objects.get(name);
  if (child === undefined) return [];
  const { field, filter } = definition as { field?: string; filter?: string };
  const fields = [reference, ...(field === undefined ? [] : [field])].flatMap((one) => fieldNamed(child, one));
  return [{ object: child.id }, ...fields, ...(filter === undefined ? [] : expressionUses(filter, child, snapshot))];
}

type Named = readonly (readonly [by: string, fields: readonly string[]])[];

/** Fields that a definition names as such. */
function namesIn({ uniques, indexes }: ObjectType, definition: ObjectDefinition): Named {
  const { name, nameField = [], currencyDate = [], states = {}, recordTypes = {} } = definition;
  const { properties, rules = [] } = definition;
  return [
    [`name field of ${name}`, [nameField].flat()],
    [`sharing of ${name}`, [parentOf(definition.sharing ?? "private") ?? []].flat()],
    [`currency date of ${name}`, [currencyDate].flat()],
    ...uniques.map(({ fields }) => [`unique key of ${name} (${fields.join(", ")})`, fields] as const),
    ...indexes.map(({ fields }) => [`index of ${name} (${fields.join(", ")})`, fields] as const),
    ...rules.map((rule) => [`rule ${rule.name} of ${name}`, [rule.at ?? []].flat()] as const),
    [`states of ${name}`, Object.keys(states)],
    ...Object.entries(recordTypes).map(([type, said]) => {
      const fields = [
        ...(said.required ?? []),
        ...Object.keys(said.picklists ?? {}),
        ...Object.keys(said.states ?? {}),
      ];
      return [`record type ${type} of ${name}`, fields] as const;
    }),
    ...Object.entries(properties).map(
      ([field, { dependsOn }]) => [`dependsOn of ${name}.${field}`, [dependsOn?.field ?? []].flat()] as const,
    ),
  ];
}

/** Expressions of a definition as they are written. */
const expressionsIn = ({
  name,
  rules = [],
  properties,
}: ObjectDefinition): (readonly [by: string, source: string])[] => [
  ...rules.map((rule) => [`rule ${rule.name} of ${name}`, rule.when] as const),
  ...Object.entries(properties).flatMap(([field, { requiredWhen, readonlyWhen, defaultFormula, formula }]) =>
    Object.entries({ requiredWhen, readonlyWhen, defaultFormula, formula }).flatMap(([keyword, source]) =>
      typeof source === "string" ? [[`${keyword} of ${name}.${field}`, source] as const] : [],
    ),
  ),
];

function fieldNamed(object: ObjectType, name: string): Used[] {
  const found = fieldOrBranch(object, name);
  const field = found?.branchOf === undefined ? found : object.fields.get(found.branchOf);
  return field === undefined || field.system ? [] : [{ object: object.id, field: field.id }];
}

/**
 * The fields that a written expression on records of `object` names, each once: also formulas as such, and fields that walks along
 * references and relations lead to, with the objects behind relations. None where it cannot be read.
 */
export function expressionUses(source: string, object: ObjectType, snapshot: Snapshot): readonly Used[] {
  const { objects } = snapshot;
  const found = new Map<string, Used>();
  const tested = new Map<number, ObjectType | undefined>();
  const follow = ({ root, path }: Place): ObjectType | undefined => {
    let at = typeof root === "object" ? tested.get(root.test) : root === "user" ? objects.get("user") : object;
    for (const name of path) {
      if (at === undefined) break;
      for (const used of fieldNamed(at, name)) found.set(`${used.object} ${used.field}`, used);
      at = objects.get(fieldOrBranch(at, name)?.target ?? "");
    }
    return at;
  };
  for (const node of nodesIn(source, object, snapshot)) {
    if (node.node === "field") follow(node);
    if (node.node !== "related") continue;
    const from = follow(node.of);
    const relation = from && relationOf(from, node.relation);
    const other = objects.get(relation?.object ?? "");
    tested.set(node.number, other);
    const holder = relation?.way === "list" ? from : other;
    if (!holder || !relation || !other) continue;
    // Relations have names of their own, which stay when the object or the reference behind them gets another.
    for (const used of [{ object: other.id }, ...fieldNamed(holder, relation.field)]) {
      const key = `${used.object} ${"field" in used ? used.field : ""}`;
      if (!found.has(key)) found.set(key, { ...used, follows: relation.way === "back" });
    }
  }
  return [...found.values()];
}

type Node = ReturnType<typeof nodesOf>[number];
type Place = Extract<Node, { node: "related" }>["of"];

/** With each test before what stands in it. */
function nodesIn(source: string, object: ObjectType, snapshot: Snapshot): readonly Node[] {
  try {
    return nodesOf(checkExpression(source, { ...plainScope(snapshot, object), old: true }).root);
  } catch (error) {
    if (error instanceof ExpressionError) return [];
    throw error;
  }
}
