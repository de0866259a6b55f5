import { ExpressionError } from "./errors.ts";
import { MAX_CONCATENATIONS } from "./limits.ts";
import { messages } from "./messages.ts";
import { nodesOf, type Place, type RelatedNode, type TypedNode } from "./node.ts";
import type { ExprType } from "./types.ts";

type Path = readonly string[];

/** An expression that has been read and type-checked against a scope. */
export interface CheckedExpression {
  readonly source: string;
  readonly type: ExprType;
  readonly root: TypedNode;
  /** Paths of the record's fields with values that are used, each once: `["account", "owner", "name"]`. */
  readonly paths: readonly Path[];
  /**
   * The references that are followed from the record, each walk once: `["account", "owner"]`. `x.id` follows none for `x`. The records
   * under a relation are a step with brackets: `["account", "opportunities[]", "owner"]`.
   */
  readonly walks: readonly Path[];
  /** Whether it asks about the actor. */
  readonly usesUser: boolean;
  /** Whether it asks what time it is. */
  readonly usesNow: boolean;
  /** Names, literals and operations that its formulas come to. */
  readonly formulaParts: number;
  /** Its questions about related records. */
  readonly related: readonly Pick<RelatedNode, "relation" | "object" | "named">[];
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
    walks: distinct(walksOf(all).filter((walk) => walk.length > 0)),
    usesUser: fields.some((f) => f.root === "user"),
    usesNow: all.some((n) => n.node === "call" && present.includes(n.operation)),
    formulaParts,
    related: all.filter((n) => n.node === "related"),
  };
}

const distinct = (paths: readonly Path[]): readonly Path[] => [
  ...new Map(paths.map((path) => [path.join("."), path])).values(),
];

const isReference = (path: Path): boolean => path.length > 1 && path.at(-1) === "id";

/** `all` has each test before what stands in it. */
function walksOf(all: readonly TypedNode[]): Path[] {
  const tested = new Map<number, Path>();
  const from = ({ root, path }: Place): Path =>
    typeof root === "object" ? [...(tested.get(root.test) ?? []), ...path] : root === "record" ? path : [];
  return all.flatMap((node): Path[] => {
    if (node.node === "field") {
      const { root, path } = node;
      return [from({ root, path: path.slice(0, isReference(path) ? -2 : -1) })];
    }
    if (node.node === "formula") return node.of ? [from(node.of)] : [];
    if (node.node !== "related") return [];
    const walk = [...from(node.of), relatedStep(node.relation)];
    tested.set(node.number, walk);
    return [from(node.of), walk];
  });
}

/** The records under a relation, as a step of a walk. */
export const relatedStep = (relation: string): string => `${relation}[]`;
