import type { ObjectType, Snapshot } from "./types.ts";

/** Every object that has a table, those among them that are set aside. */
export const tablesOf = ({ byId, aside }: Snapshot): ObjectType[] => [...byId.values(), ...aside.values()];

/** The object with this id, set aside or not. */
export const tableById = ({ byId, aside }: Snapshot, id: number): ObjectType | undefined =>
  byId.get(id) ?? aside.get(id);

/** The object of this name, set aside or not. */
export const tableNamed = (snapshot: Snapshot, name: string): ObjectType | undefined =>
  snapshot.objects.get(name) ?? [...snapshot.aside.values()].find((object) => object.name === name);
