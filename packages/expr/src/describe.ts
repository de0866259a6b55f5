import { ExpressionError } from "./errors.ts";
import { MAX_CONCATENATIONS } from "./limits.ts";
import { messages } from "./messages.ts";
import { type FieldNode, nodesOf, type TypedNode } from "./node.ts";
import type { ExprType } from "./types.ts";

type Path = readonly string[];

/** An expression that has been read and type-checked against a scope. */
export interface CheckedExpression {
  readonly source: string;
  readonly type: ExprType;
  readonly root: TypedNode;
  /** Paths of the record's fields with values that are used, each once: `["account", "owner", "name"]`. */
  readonly paths: readonly Path[];
  /** The references that are followed from the record, each walk once: `["account", "owner"]`. `x.id` follows none for `x`. */
  readonly walks: readonly Path[];
  /** Whether it asks about the actor. */
  readonly usesUser: boolean;
  /** Whether it asks what time it is. */
  readonly usesNow: boolean;
  /** Names, literals and operations that its formulas come to. */
  readonly formulaParts: number;
}

const present = ["now", "today"];

/** What is to be known of an expression besides its tree. */
export function describe(source: string, root: TypedNode, formulaParts = 0): CheckedExpression {
  const all = nodesOf(root);
  const fields = all.filter((n) => n.node === "field");
  const joins = all.filter((n) => n.node === "call" && n.operation === "join");
  if (joins.length > MAX_CONCATENATIONS) throw new ExpressionError(0, messages.concatenations(MAX_CONCATENATIONS));
  const ofRecord = fields.filter((f) => f.root === "record");
  return {
    source,
    type: root.type,
    root,
    paths: distinct(ofRecord.map(({ path, branch }) => (branch ? [...path.slice(0, -1), branch.of] : path))),
    walks: distinct([...ofRecord.map(walkOf), ...all.flatMap(recordWalkedTo)].filter((walk) => walk.length > 0)),
    usesUser: fields.some((f) => f.root === "user"),
    usesNow: all.some((n) => n.node === "call" && present.includes(n.operation)),
    formulaParts,
  };
}

const distinct = (paths: readonly Path[]): readonly Path[] => [
  ...new Map(paths.map((path) => [path.join("."), path])).values(),
];

const walkOf = ({ path }: FieldNode): Path =>
  path.length > 1 && path.at(-1) === "id" ? path.slice(0, -2) : path.slice(0, -1);

const recordWalkedTo = (node: TypedNode): Path[] =>
  node.node === "formula" && node.of?.root === "record" ? [node.of.path] : [];
