/**
 * Names of indexes, constraints and sequences are made of stable ids, so that they outlive renames and an error of
 * PostgreSQL tells which key was hit. Objects' tables never begin with an underscore, so none of them collides.
 */
export const names = {
  primaryKey: (objectId: number): string => `_p${objectId}`,
  unique: (keyId: number): string => `_u${keyId}`,
  index: (indexId: number): string => `_i${indexId}`,
  foreignKey: (fieldId: number): string => `_f${fieldId}`,
  ownerForeignKey: (objectId: number): string => `_fo${objectId}`,
  referenceIndex: (fieldId: number): string => `_r${fieldId}`,
  ownerIndex: (objectId: number): string => `_ro${objectId}`,
  updatedIndex: (objectId: number): string => `_iu${objectId}`,
  /** Holds a reference to several objects to one of its branches. */
  branches: (fieldId: number): string => `_b${fieldId}`,
  sequence: (fieldId: number): string => `_s${fieldId}`,
  /** Holds a column to values while the change that requires them is being built; never without `ahead`. */
  filled: (fieldId: number): string => `_n${fieldId}`,
  /** A column whose name is not to be seen yet; never without `ahead`. */
  column: (fieldId: number): string => `_c${fieldId}`,
} as const;

/** How everything begins that is made ahead of the change which takes it over, and nothing else. */
export const aheadPrefix = "_new";
export const ahead = (name: string): string => aheadPrefix + name;

/** What a constraint is; `id` is an object's for `primary` and `owner`, a field's for `reference` and `required`, else a key's own. */
export interface ConstraintName {
  readonly kind: "primary" | "unique" | "reference" | "owner" | "index" | "required";
  readonly id: number;
}

const kinds: Record<string, ConstraintName["kind"]> = {
  p: "primary",
  u: "unique",
  f: "reference",
  fo: "owner",
  i: "index",
  n: "required",
};

/** Recognises a constraint or an asked-for index in an error, also one that is being built; Citus appends the shard's number, `_u12_102016`. */
export function parseConstraintName(name: string): ConstraintName | undefined {
  const match = /^(?:_new)?_(p|u|fo|f|i|n)(\d+)(?:_\d+)?$/.exec(name);
  const kind = kinds[match?.[1] ?? ""];
  return kind === undefined ? undefined : { kind, id: Number(match?.[2]) };
}
