import { coreObjects } from "@guanxi/kernel";
import { compileSnapshot, type ObjectType, parseDefinition, type Snapshot, storeDefinition } from "@guanxi/meta";
import { salesPlugin } from "../src/index.ts";

/** A tenant's metadata with the core's objects and the plugin's, as after its installation. */
export function installedSnapshot(): Snapshot {
  let last = 0;
  const nextId = () => ++last;
  const stored = [
    ...coreObjects.map((o) => storeDefinition(undefined, parseDefinition(o), "core", nextId)),
    ...salesPlugin.objects.map((o) => storeDefinition(undefined, parseDefinition(o), salesPlugin.name, nextId)),
  ];
  const settings = {
    tenant: "demo",
    schema: "t_demo",
    locale: "zh-CN",
    timeZone: "Asia/Shanghai",
    currency: "CNY",
    country: "CN",
    fiscalYearStart: 1,
  } as const;
  return compileSnapshot(settings, 1, stored);
}

export function objectOf(snapshot: Snapshot, name: string): ObjectType {
  const object = snapshot.objects.get(name);
  if (object === undefined) throw new Error(`no object ${name}`);
  return object;
}
