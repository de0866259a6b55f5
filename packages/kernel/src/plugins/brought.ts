import { GuanxiError, type Issue, text } from "@guanxi/base";
import {
  type Extension,
  extensionOf,
  isExtension,
  layer,
  lockFaults,
  type ObjectDefinition,
  parseDefinition,
  pointer,
  retargetDefinition,
  storeDefinition,
  type StoredObject,
} from "@guanxi/meta";
import { coreObjects } from "../core-objects.ts";
import { type Editions, inOrder } from "./editions.ts";

/** An object that the platform or a plugin brings, before the tenant's own part. */
export interface Base {
  readonly definition: ObjectDefinition;
  /** `core`, or the plugin whose object it is; others may have extended it. */
  readonly source: string;
}

/** By the name that it has where it comes from. */
export type Bases = ReadonlyMap<string, Base>;

const nothingToExtend = text(
  'there is no object "{name}" to extend; the plugin must require the one that brings it',
  "没有可扩展的对象“{name}”；插件必须在 requires 中声明提供它的插件",
  "沒有可擴充的物件「{name}」；外掛必須在 requires 中宣告提供它的外掛",
);
const broughtTwice = text(
  '"{name}" is brought by "{other}" already; a plugin that adds to it says "extends"',
  "“{name}”已由“{other}”提供；要在其上添加，请使用 extends",
  "「{name}」已由「{other}」提供；要在其上新增，請使用 extends",
);

/** What the editions bring together, each on what it requires. DEFINITION, under `/{plugin}/{object}`, for what does not fit. */
export function basesOf(editions: Editions): Bases {
  const bases = new Map<string, Base>(
    coreObjects.map((definition) => [definition.name, { definition, source: "core" }]),
  );
  const issues: Issue[] = [];
  for (const { name: plugin, objects } of inOrder(editions)) {
    for (const object of objects) {
      const name = isExtension(object) ? object.extends : object.name;
      const under = bases.get(name);
      const say = (words: typeof broughtTwice): number =>
        issues.push({
          ...{ path: pointer(plugin, name), code: "definition", text: words },
          params: { message: "", name, other: under?.source },
        });
      if (!isExtension(object) && under === undefined) bases.set(name, { definition: object, source: plugin });
      else if (!isExtension(object)) say(broughtTwice);
      else if (under === undefined) say(nothingToExtend);
      else {
        const definition = parseDefinition(layer(under.definition, object));
        const faults = lockFaults(under.definition, definition, under.source);
        issues.push(...faults.map((fault) => ({ ...fault, path: pointer(plugin, name) + fault.path })));
        bases.set(name, { ...under, definition });
      }
    }
  }
  if (issues.length > 0) throw new GuanxiError("DEFINITION", { issues });
  return bases;
}

/** The objects of a tenant that has nothing of its own. */
export const storedBases = (editions: Editions, nextId: () => number): StoredObject[] =>
  [...basesOf(editions).values()].map(({ definition, source }) =>
    storeDefinition(undefined, definition, source, nextId),
  );

/** What an object's plugin calls it. Before there were layers, only `was` told. */
export const originOf = ({ name, source, origin, definition: { was } }: StoredObject, bases: Bases): string =>
  origin ?? (was !== undefined && !bases.has(name) && bases.get(was)?.source === source ? was : name);

/** The base of a stored object in the words of the tenant: what it refers to is called as it is called there. */
export function baseOf(
  object: Pick<StoredObject, "source" | "name" | "origin" | "definition">,
  stored: readonly StoredObject[],
  bases: Bases,
): ObjectDefinition | undefined {
  if (object.source === "tenant") return undefined;
  const base = bases.get(originOf(object as StoredObject, bases));
  return base && inTenantsWords(base.definition, stored, bases);
}

/** A definition whose references and roll-ups name objects as the tenant calls them. */
export function inTenantsWords(
  definition: ObjectDefinition,
  stored: readonly StoredObject[],
  bases: Bases,
): ObjectDefinition {
  const names = new Map(
    stored
      .filter(({ source }) => source !== "tenant")
      // What is set aside is meant by the name that it comes back with.
      .map((object) => [originOf(object, bases), object.aside?.name ?? object.name]),
  );
  const nameNow = (name: string): string => names.get(name) ?? name;
  const { properties, ...rest } = retargetDefinition(definition, nameNow);
  const fields = Object.entries(properties).map(([name, field]) => {
    const of = field["of"];
    if (typeof of !== "string") return [name, field] as const;
    const [child = "", reference] = of.split(".");
    return [name, { ...field, of: `${nameNow(child)}.${reference}` }] as const;
  });
  return { ...rest, properties: Object.fromEntries(fields) };
}

/** What the tenant says of an object beyond its base, for people and files: former names count only where the base knows them. */
export function ownExtension(base: ObjectDefinition, definition: ObjectDefinition): Extension {
  const { was: _was, ...unnamed } = definition;
  const properties = Object.entries(definition.properties).map(([name, field]) => {
    const { was, ...plain } = field;
    const under = Object.hasOwn(base.properties, name) ? base.properties[name] : undefined;
    if (under?.was !== undefined) return [name, { ...plain, was: under.was }] as const;
    const isBase = was !== undefined && under === undefined && Object.hasOwn(base.properties, was);
    const known = isBase && !Object.hasOwn(definition.properties, was);
    return [name, known ? field : plain] as const;
  });
  const was = definition.name === base.name ? base.was : base.name;
  return extensionOf(base, {
    ...unnamed,
    ...(was === undefined ? {} : { was }),
    properties: Object.fromEntries(properties),
  });
}
