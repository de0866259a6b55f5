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
} as const;

/** What a constraint is; `id` is an object's for `primary` and `owner`, a field's for `reference`, else a key's own. */
export interface ConstraintName {
  readonly kind: "primary" | "unique" | "reference" | "owner" | "index";
  readonly id: number;
}

const kinds: Record<string, ConstraintName["kind"]> = {
  p: "primary",
  u: "unique",
  f: "reference",
  fo: "owner",
  i: "index",
};

/** Recognises a constraint or an asked-for index in an error; Citus appends the shard's number, `_u12_102016`. */
export function parseConstraintName(name: string): ConstraintName | undefined {
  const match = /^_(p|u|fo|f|i)(\d+)(?:_\d+)?$/.exec(name);
  const kind = kinds[match?.[1] ?? ""];
  return kind === undefined ? undefined : { kind, id: Number(match?.[2]) };
}
