import { perKey, Recent } from "@guanxi/base";
import type { ObjectType, Snapshot, StoredField } from "@guanxi/meta";
import { shapeOf, type WriteGrant } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { placedParams, type WriteContext, writtenFields } from "./shared.ts";

/** The part of a plan's cache key that tells its predicates' shapes apart. */
export const grantShape = (grant: WriteGrant): string =>
  `${shapeOf(grant.read)}/${shapeOf(grant.write)}/${shapesOf(grant.references)}/${shapesOf(grant.walks)}`;

const shapesOf = (predicates: WriteGrant["walks"]): string =>
  [...predicates].map(([name, predicate]) => `${name}:${shapeOf(predicate)}`).join(",");

/** A write's SQL; `constants` are the parameters behind the placed ones, the same for every call. */
export interface WritePlan {
  readonly text: string;
  readonly constants: readonly (string | null)[];
}

/** Plans of one object that depend on which fields a caller wrote; a form sends the same ones again. */
const mostCallersPlans = 50;
/** So often must a caller's plan be used before PostgreSQL keeps it prepared. */
const often = 3;

interface Plans {
  /** By kind and shape of grant. */
  readonly fixed: Map<string, WritePlan>;
  /** By the fields that were written, too. */
  readonly callers: Recent<string, { plan: WritePlan; times: number }>;
}

/** An object may be the same in several snapshots, which differ in what it refers to. */
const plans = perKey((_: Snapshot) =>
  perKey((__: ObjectType): Plans => ({ fixed: new Map(), callers: new Recent(mostCallersPlans) })),
);

const statementOf = (
  object: ObjectType,
  kind: string,
  { text, constants }: WritePlan,
  rows: unknown,
  context: WriteContext,
): Omit<Statement, "prepare"> => ({
  name: `${object.name}.${kind}`,
  text,
  params: [...placedParams(rows, context), ...constants],
});

/** The statement of a plan that is compiled once per object of a snapshot and shape of grant. */
export function plannedStatement(
  object: ObjectType,
  kind: string,
  shape: string,
  rows: unknown,
  context: WriteContext,
  compile: () => WritePlan,
): Statement {
  const { fixed } = plans(context.snapshot)(object);
  const key = `${kind} ${shape}`;
  const plan = fixed.get(key) ?? compile();
  fixed.set(key, plan);
  return { ...statementOf(object, kind, plan, rows, context), prepare: true };
}

/** The same for a plan that serves writes of fields with these names alone. */
export function callersStatement(
  object: ObjectType,
  kind: string,
  shape: string,
  row: Readonly<Record<string, unknown>>,
  names: readonly string[],
  context: WriteContext,
  compile: (fields: readonly StoredField[]) => WritePlan,
): Statement {
  const { callers } = plans(context.snapshot)(object);
  const entry = callers.getOrMake(`${kind} ${shape} ${names.join()}`, () => {
    const given = new Set(names);
    return { plan: compile(writtenFields(object).filter((f) => given.has(f.name))), times: 0 };
  });
  entry.times++;
  return { ...statementOf(object, kind, entry.plan, row, context), prepare: entry.times > often, adHoc: true };
}
