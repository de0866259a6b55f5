import { importCsvFile } from "../import.ts";
import { inTurn } from "../measure.ts";
import { withServer } from "../processes.ts";
import type { Row } from "../row.ts";
import { type Workshop, withWorkshop } from "../workshop.ts";
import { createMany } from "../world.ts";
import { figureOf } from "./reads.ts";

/** Records that the imported ones name, in turn: a file rarely comes sorted by them. */
const parents = 1_000;
/** At most one and a half times the time. */
const leastShare = 0.67;
const texts = [
  "Some words",
  "of a line",
  "that an import",
  "brings along",
  "with each",
  "of its rows",
  "one after",
  "the other",
];

/** An order line and its order, by these names. */
const definitions = (line: string, order: string) => {
  const fields = Object.fromEntries(texts.map((_, n) => [`text_${n}`, { type: "string" }]));
  const properties = {
    ...fields,
    amount: { fieldType: "currency" },
    pieces: { type: "integer" },
    due: { type: "string", format: "date" },
    [order]: { fieldType: "reference", target: order },
  };
  return [
    { name: order, properties: { code: { type: "string" } } },
    { name: line, properties },
  ] as const;
};

const rollup = (op: string, more: object = {}) => ({ fieldType: "rollup", of: "line.order", op, ...more });
const kept = {
  lines: rollup("count", { filter: "pieces > 0" }),
  amount: rollup("sum", { field: "amount" }),
  mean: rollup("avg", { field: "amount" }),
  first_due: rollup("min", { field: "due" }),
};

/** Makes the two objects and so many orders; → the file of so many lines. */
async function prepare({ admin }: Workshop, line: string, order: string): Promise<(rows: number) => string> {
  for (const definition of definitions(line, order)) {
    const { status, text } = await admin.put(`/api/meta/objects/${definition.name}`, definition);
    if (status !== 201) throw new Error(`PUT ${definition.name}: ${status} ${text}`);
  }
  const codes = Array.from({ length: parents }, (_, i) => ({ code: `${i}` }));
  const orders = await createMany(admin, `${order}s`, codes);
  const head = `${[...texts.keys().map((n) => `text_${n}`)].join(",")},amount,pieces,due,${order}\n`;
  const row = (i: number): string =>
    `${texts.join(",")},${i % 9_973}.25,${i % 7},2026-0${1 + (i % 9)}-15,${orders[(i * 7) % parents]}\n`;
  return (rows) => [head, ...Array.from({ length: rows }, (_, i) => row(i))].join("");
}

const importRollup: Row = {
  name: "import-rollup",
  measures:
    "a CSV file of records that their parents count, add up, average and compare; against one of records that nobody does",
  run: ({ settings, database }) =>
    withServer({ DATABASE_URL: database.url }, ({ base }) =>
      withWorkshop(base, async (workshop) => {
        const { admin } = workshop;
        const rolled = await prepare(workshop, "line", "order");
        const plain = await prepare(workshop, "plain_line", "plain_order");
        const { status, text } = await admin.patch("/api/meta/objects/order", { properties: kept });
        if (status !== 200) throw new Error(`PATCH order: ${status} ${text}`);
        const ours = (rows: number) => importCsvFile(base, admin.key, "lines", rolled(rows), rows);
        const floor = (rows: number) => importCsvFile(base, admin.key, "plain_lines", plain(rows), rows);
        for (const side of [ours, floor]) await side(Math.min(2_000, settings.importRows));
        const { first, second, rounds } = await inTurn(
          settings.rounds,
          () => ours(settings.importRows),
          () => floor(settings.importRows),
        );
        const seen = rounds.map((r) => ({ ours: Math.round(r.first), floor: Math.round(r.second) }));
        const detail = { rows: settings.importRows, parents, rounds: seen };
        return [figureOf("import-rollup", leastShare, { ours: first, floor: second, detail })];
      }),
    ),
};

export const rollupRows: readonly Row[] = [importRollup];
