import { type Issue, text } from "@guanxi/base";
import { type Extension, extensionOf, type ObjectDefinition, pointer, type StoredObject } from "@guanxi/meta";

/** Something of the tenant's own whose name a plugin wants, and what gives it another one. */
export interface Collision {
  readonly object: string;
  /** The member that is taken: a field, a rule, a record type, or the name or plural of the object. */
  readonly path: string;
  /** The body of `PUT /api/meta/objects/{name}` that solves it. */
  readonly put: Readonly<Record<string, unknown>>;
}

const taken = text(
  '"{name}" is also what "{plugin}" {version} brings; give yours another name: PUT /api/meta/objects/{object} {put}',
  "“{name}”也是“{plugin}”{version} 提供的名称；请给您的改名：PUT /api/meta/objects/{object} {put}",
  "「{name}」也是「{plugin}」{version} 提供的名稱；請為您的改名：PUT /api/meta/objects/{object} {put}",
);

/** Characters of a name. */
const longestName = 40;

/** `own_size`, or the first such name with a number that is free. */
function otherName(name: string, isTaken: (name: string) => boolean): string {
  for (let n = 1; ; n++) {
    const prefix = n === 1 ? "own_" : `own${n}_`;
    const other = `${prefix}${name}`.slice(0, longestName);
    if (!isTaken(other)) return other;
  }
}

export interface Wanting {
  readonly plugin: string;
  readonly version: string;
}

const issueOf = ({ object, path, put }: Collision, { plugin, version }: Wanting): Issue => ({
  path: pointer(object) + path,
  code: "definition",
  text: taken,
  params: {
    ...{ message: "", plugin, version, object: put["name"] ?? object, name: path.split("/").at(-1) },
    ...{ put: JSON.stringify(put), collision: { object, path, put } },
  },
});

/** Names of the tenant's own part of an object that its next base wants as well. */
export function collisionsIn(
  { definition, name }: StoredObject,
  before: ObjectDefinition,
  after: ObjectDefinition,
  wanting: Wanting,
): Issue[] {
  const extension = extensionOf(before, definition);
  const collide = (path: string, put: object): Issue =>
    issueOf({ object: name, path, put: put as Collision["put"] }, wanting);
  const fields = newNames(before.properties, after.properties, definition.properties).map((field) => {
    const isTaken = (other: string): boolean => [definition, after].some((d) => Object.hasOwn(d.properties, other));
    return collide(
      pointer("properties", field),
      withFieldRenamed(extension, definition, field, otherName(field, isTaken)),
    );
  });
  const types = newNames(before.recordTypes, after.recordTypes, definition.recordTypes).map((type) => {
    const { [type]: own, ...others } = definition.recordTypes ?? {};
    const other = otherName(type, (free) => Object.hasOwn({ ...others, ...after.recordTypes }, free));
    return collide(pointer("recordTypes", type), { ...extension, recordTypes: { ...others, [other]: own } });
  });
  const rules = (after.rules ?? []).flatMap((rule) => {
    const isIn = (list: ObjectDefinition["rules"]): boolean => list?.some((one) => one.name === rule.name) ?? false;
    const own = definition.rules?.find((one) => one.name === rule.name);
    if (own === undefined || isIn(before.rules)) return [];
    const other = otherName(rule.name, (free) =>
      [definition, after].some((d) => d.rules?.some((r) => r.name === free)),
    );
    const given = extension["rules"] as { name: string }[] | { with: { name: string }[] };
    const renamed = (list: { name: string }[]): object[] =>
      list.map((one) => (one.name === rule.name ? { ...one, name: other } : one));
    const put = Array.isArray(given) ? renamed(given) : { ...given, with: renamed(given.with) };
    return [collide(pointer("rules", rule.name), { ...extension, rules: put })];
  });
  return [...fields, ...types, ...rules];
}

/** Names that come with `after`, and that `own` has already. */
const newNames = (before: object = {}, after: object = {}, own: object = {}): string[] =>
  Object.entries(after)
    .filter(([name, value]) => {
      const { was } = value as { was?: string };
      const has = new Map<string, { was?: string }>(Object.entries(own)).get(name);
      // Whoever called the same field so has it already.
      return !Object.hasOwn(before, name) && has !== undefined && (was === undefined || has.was !== was);
    })
    .map(([name]) => name);

function withFieldRenamed(extension: Extension, { properties }: ObjectDefinition, from: string, to: string): Extension {
  const { [from]: _field, ...others } = (extension["properties"] ?? {}) as Record<string, unknown>;
  const { was: _was, ...field } = properties[from] ?? {};
  const renamed = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map((one: unknown) => (Array.isArray(one) ? renamed(one) : one === from ? to : one))
      : list;
  const lists = ["required", "unique", "indexes"].filter((member) => extension[member] !== undefined);
  return {
    ...extension,
    ...Object.fromEntries(lists.map((member) => [member, renamed(extension[member])])),
    ...(extension["nameField"] === from ? { nameField: to } : {}),
    properties: { ...others, [to]: { ...field, was: from } },
  };
}

/** An object of somebody else's that has a name or a plural which a new object wants. */
export function namesakes(wanted: ObjectDefinition, stored: readonly StoredObject[], wanting: Wanting): Issue[] {
  return stored.flatMap(({ definition, name }) => {
    const { was: _was, ...own } = definition;
    const isTaken = (free: string): boolean =>
      stored.some((o) => [o.name, o.definition.plural].includes(free)) ||
      free === wanted.name ||
      free === wanted.plural;
    const plural = own.plural === wanted.plural ? otherName(own.plural, isTaken) : own.plural;
    if (name === wanted.name)
      return [
        issueOf(
          { object: name, path: "/name", put: { ...own, plural, name: otherName(name, isTaken), was: name } },
          wanting,
        ),
      ];
    return plural === own.plural ? [] : [issueOf({ object: name, path: "/plural", put: { ...own, plural } }, wanting)];
  });
}
