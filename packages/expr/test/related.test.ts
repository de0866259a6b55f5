import {
  type CheckedExpression,
  checkExpression,
  evaluate,
  type ExprScope,
  type ExprType,
  type RelatedRecord,
  type RelatedTest,
  toSql,
} from "@guanxi/expr";
import fc from "fast-check";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describe as described } from "../src/describe.ts";
import type { LiteralNode, RelatedNode, TypedNode } from "../src/node.ts";
import { Decimal } from "../src/number.ts";
import { fromJson } from "../src/values.ts";
import { connect } from "./database.ts";
import { object } from "./fields.ts";

/** Things have parts, which are things again: what refers to a thing, and what it refers to. */
const types: Readonly<Record<string, ExprType>> = {
  id: { kind: "int" },
  qty: { kind: "int" },
  ok: { kind: "bool" },
  name: { kind: "text" },
  whole: { kind: "ref", target: "thing" },
};
const formulas = {
  odd: { source: "qty % 2 == 1" },
  heavy: { source: "parts.exists(p, p.qty > qty)" },
};
const bool: ExprType = { kind: "bool" };
const thing = object("thing", { ...types, odd: bool, heavy: bool }, formulas);
const scope: ExprScope = {
  record: thing,
  object: () => thing,
  related: (_of, relation) => (relation === "parts" ? thing : undefined),
};

interface Thing {
  readonly id: number;
  readonly qty: number | null;
  readonly ok: boolean | null;
  readonly name: string | null;
  readonly whole: number | null;
}
/** By number of the test: the record that it is about. */
type Around = ReadonlyMap<number, Thing | undefined>;

/** A second implementation over records in memory: tests become their answers, until an expression over own fields is left. */
class Memory {
  readonly #all: readonly Thing[];
  constructor(all: readonly Thing[]) {
    this.#all = all;
  }

  value({ root }: CheckedExpression, record: Thing): unknown {
    const env = { record: {}, now: new Date(0), timeZone: "UTC" };
    return evaluate(described("", this.#reduced(root, record, new Map())), env);
  }

  #at(of: RelatedNode["of"], record: Thing, around: Around): Thing | undefined {
    const start = typeof of.root === "object" ? around.get(of.root.test) : record;
    return of.path.reduce<Thing | undefined>((at) => this.#all.find((t) => t.id === at?.whole), start);
  }

  #reduced(node: TypedNode, record: Thing, around: Around): TypedNode {
    const inner = (n: TypedNode): TypedNode => this.#reduced(n, record, around);
    const literal = (value: LiteralNode["value"]): LiteralNode => ({ node: "literal", type: node.type, at: 0, value });
    switch (node.node) {
      case "field": {
        const at = this.#at({ root: node.root, path: node.path.slice(0, -1) }, record, around);
        return literal(fromJson(at?.[node.path.at(-1) as keyof Thing] ?? null, node.type));
      }
      case "call":
        return { ...node, args: node.args.map(inner) };
      case "formula":
        return node.of && !this.#at(node.of, record, around) ? literal(null) : inner(node.body);
      case "related":
        return literal(this.#answer(node, record, around));
      default:
        return node;
    }
  }

  #answer({ ask, number, of, test: asked }: RelatedNode, record: Thing, around: Around): boolean | Decimal {
    const at = this.#at(of, record, around);
    const parts = this.#all.filter((t) => at !== undefined && t.whole === at.id);
    if (!asked) return new Decimal(parts.length);
    const meets = parts.filter((part) => {
      const reduced = this.#reduced(asked, record, new Map([...around, [number, part]]));
      return evaluate(described("", reduced), { record: {}, now: new Date(0), timeZone: "UTC" }) === true;
    });
    if (ask === "all") return meets.length === parts.length;
    return ask === "exists" ? meets.length > 0 : meets.length === 1;
  }
}

/** References are numbers here. */
function write(expression: CheckedExpression, parameters: unknown[]): string {
  let aliases = 0;
  const record = (alias: string): RelatedRecord => {
    const walk = (path: readonly string[]): string =>
      path.reduce((at) => `(SELECT w.whole FROM thing w WHERE w.id = ${at})`, `${alias}.id`);
    return {
      column: (path) =>
        path.length === 1
          ? `${alias}.${path[0]}`
          : `(SELECT f.${path.at(-1)} FROM thing f WHERE f.id = ${walk(path.slice(0, -1))})`,
      present: (path) => `(${walk(path)} IS NOT NULL)`,
      related(path, _relation, asked?: RelatedTest) {
        const inner = `a${++aliases}`;
        return `FROM thing ${inner} WHERE ${inner}.whole = ${walk(path)}${asked ? ` AND ${asked(record(inner))}` : ""}`;
      },
    };
  };
  return toSql(expression, {
    ...record("r"),
    parameter: (value, type) => `$${parameters.push(value)}::${type}`,
    now: "now()",
    timeZone: "'UTC'",
    inFormulas: { parameter: (value, type) => `'${String(value)}'::${type}`, timeZone: "'UTC'" },
  });
}

const things = fc
  .array(
    fc.record({
      qty: fc.option(fc.integer({ min: 0, max: 4 }), { freq: 3 }),
      ok: fc.option(fc.boolean(), { freq: 3 }),
      name: fc.option(fc.constantFrom("x", "y"), { freq: 3 }),
      whole: fc.option(fc.nat({ max: 8 }), { freq: 4 }),
    }),
    { minLength: 4, maxLength: 9 },
  )
  .map((all) =>
    all.map((t, id): Thing => ({ ...t, id, whole: t.whole === null || t.whole >= all.length ? null : t.whole })),
  );

/** A record by what stands before its fields, with those of the tests around it. */
const values = (records: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...records), fc.constantFrom("", "whole.", "whole.whole."))
    .map(([r, walk]) => `${r}${walk}`);

function conditions(records: readonly string[], depth: number): fc.Arbitrary<string> {
  const at = values(records);
  const number = fc.oneof(
    at.map((r) => `${r}qty`),
    at.map((r) => `size(${r}parts)`),
    fc.constantFrom("0", "1", "2"),
  );
  const leaves = [
    fc.tuple(number, fc.constantFrom("==", "!=", "<", ">="), number).map(([a, sign, b]) => `${a} ${sign} ${b}`),
    fc.tuple(at, fc.constantFrom("ok", "odd", "heavy", "name == 'x'", "qty == null")).map(([r, f]) => `${r}${f}`),
    fc.tuple(at, at).map(([a, b]) => `${a}name == ${b}name`),
  ];
  if (depth === 0) return fc.oneof(...leaves);
  const one = conditions(records, depth - 1);
  const name = `v${depth}`;
  const tests = fc
    .tuple(at, fc.constantFrom("exists", "all", "exists_one"), conditions([...records, `${name}.`], depth - 1))
    .map(([r, ask, condition]) => `${r}parts.${ask}(${name}, ${condition})`);
  return fc.oneof(
    { weight: 3, arbitrary: tests },
    {
      weight: 1,
      arbitrary: fc.tuple(one, fc.constantFrom("&&", "||"), one).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
    },
    { weight: 1, arbitrary: one.map((a) => `!(${a})`) },
    { weight: 1, arbitrary: one },
  );
}

let sql: postgres.Sql;
beforeAll(async () => {
  sql = connect();
  await sql.unsafe("CREATE TEMP TABLE thing (id int PRIMARY KEY, qty bigint, ok boolean, name text, whole int)");
});
afterAll(() => sql.end());

/** Sets of records, and expressions for each. */
const ROUNDS = 40;
const EXPRESSIONS = 25;

async function fill(all: readonly Thing[]): Promise<void> {
  await sql.unsafe("TRUNCATE thing");
  await sql.unsafe("INSERT INTO thing SELECT * FROM json_populate_recordset(NULL::thing, $1::text::json)", [
    JSON.stringify(all),
  ]);
}

async function bothWays(all: readonly Thing[], source: string): Promise<[memory: unknown[], database: unknown[]]> {
  const expression = checkExpression(source, scope, "bool");
  const parameters: unknown[] = [];
  const text = write(expression, parameters);
  const rows = await sql.unsafe(`SELECT ${text} AS found FROM thing r ORDER BY id`, parameters as never[]);
  const memory = new Memory(all);
  return [all.map((record) => memory.value(expression, record)), rows.map((row) => row["found"])];
}

describe("a test of related records", () => {
  test("gives what each record by itself says, whatever is unknown of some", { timeout: 60_000 }, async () => {
    const seen = { true: 0, false: 0, tests: 0 };
    const rounds = fc.tuple(things, fc.array(conditions([""], 2), { minLength: EXPRESSIONS, maxLength: EXPRESSIONS }));
    for (const [all, sources] of fc.sample(rounds, { numRuns: ROUNDS, seed: 20_261_122 })) {
      await fill(all);
      for (const source of sources) {
        const { related } = checkExpression(source, scope);
        const [memory, database] = await bothWays(all, source);
        expect(database, `${source} on ${JSON.stringify(all)}`).toEqual(memory);
        if (!source.includes("parts.")) continue;
        seen.tests += related.length;
        for (const answer of memory) if (answer !== null) seen[String(answer) as "true" | "false"]++;
      }
    }
    // Answers of one kind alone would prove little.
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(500);
    expect(seen.tests).toBeGreaterThan(ROUNDS * EXPRESSIONS);
  });

  test("is never unknown itself", async () => {
    const unknown: Thing = { id: 0, qty: null, ok: null, name: null, whole: 0 };
    await fill([unknown]);
    for (const [source, found] of [
      ["parts.exists(p, p.ok)", false],
      ["parts.exists(p, !p.ok)", false],
      ["parts.all(p, p.ok)", false],
      ["parts.exists_one(p, p.ok)", false],
      ["parts.all(p, p.ok == null)", true],
    ] as const)
      expect(await bothWays([unknown], source), source).toEqual([[found], [found]]);
    await fill([{ ...unknown, whole: null }]);
    // Of a record that is not there, there are no parts.
    expect(
      await bothWays(
        [{ ...unknown, whole: null }],
        "!whole.parts.exists(p, true) && whole.parts.all(p, false) && size(whole.parts) == 0",
      ),
    ).toEqual([[true], [true]]);
  });

  test("says what it follows: the records under a relation are a step", () => {
    const walks = (source: string) => checkExpression(source, scope).walks.map((walk) => walk.join("."));
    expect(walks("parts.exists(p, p.whole.name == name)")).toEqual(["parts[]", "parts[].whole"]);
    expect(walks("whole.parts.exists(p, p.parts.all(q, q.whole.id == p.id))")).toEqual([
      "whole",
      "whole.parts[]",
      "whole.parts[].parts[]",
    ]);
    expect(walks("parts.exists(p, p.heavy)")).toEqual(["parts[]", "parts[].parts[]"]);
    expect(walks("size(parts) > 1")).toEqual(["parts[]"]);
    expect(checkExpression("parts.exists(p, p.qty > qty)", scope).paths).toEqual([["qty"]]);
  });

  test("is of the relation also where a field has its name; the size of a list or a text stays what it was", () => {
    const same: Readonly<Record<string, ExprType>> = {
      ...types,
      ...{ parts: { kind: "int" }, tags: { kind: "list", of: { kind: "text" } } },
    };
    const named: ExprScope = { record: object("thing", same), object: () => thing, related: () => thing };
    const root = (source: string) => checkExpression(source, named).root;
    expect(root("size(parts)")).toMatchObject({ node: "related", ask: "size", type: { kind: "int" } });
    expect(root("parts.size()")).toMatchObject({ node: "related", relation: "parts" });
    expect(root("parts.exists(p, p.ok)")).toMatchObject({ node: "related", ask: "exists", named: true });
    expect(root("parts + 1")).toMatchObject({ node: "call", operation: expect.stringContaining("add") });
    expect(root("size(tags)")).toMatchObject({ node: "call", operation: "size_list" });
    expect(root("name.size()")).toMatchObject({ node: "call" });
    expect(root("tags.exists(t, t.ok)")).toMatchObject({ node: "related", named: false });
  });
});
