import { isGuanxiError } from "@guanxi/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BackupReader, BackupWriter } from "../src/backup/format.ts";

/** Rows in COPY's text form: anything without a line feed, and one at the end of each. */
const rows = fc.array(fc.string({ unit: "grapheme" }).map((s) => `${s.replaceAll("\n", "\\n")}\n`));
const tables = fc.array(fc.array(rows, { maxLength: 4 }), { maxLength: 4 });

/** A backup of one tenant whose tables have these chunks of rows; every second is the content of a file instead. */
async function write(chunks: readonly (readonly (readonly string[])[])[]): Promise<Buffer> {
  const written: Buffer[] = [];
  const writer = new BackupWriter(async (bytes) => void written.push(Buffer.from(bytes)));
  const head = { program: "0.1.0", postgres: "18", at: "2026-11-22T08:00:00Z" };
  await writer.line({ kind: "backup", format: 1, ...head, tenants: [{ id: "a1", name: "A" }] });
  for (const [i, table] of chunks.entries()) {
    if (i % 2 === 1) {
      await writeContent(writer, `f${i}`, table);
      continue;
    }
    await writer.line({ kind: "table", name: `t${i}`, shared: false, columns: ["x"] });
    for (const chunk of table) await writer.data(Buffer.from(chunk.join("")));
    await writer.line({ kind: "rows", table: `t${i}`, rows: table.flat().length, sha256: writer.digest() });
  }
  await writer.line({ kind: "end", sha256: writer.digest() });
  return Buffer.concat(written);
}

async function writeContent(writer: BackupWriter, id: string, pieces: readonly (readonly string[])[]): Promise<void> {
  await writer.line({ kind: "content", id, there: true });
  for (const piece of pieces) await writer.data(Buffer.from(piece.join("")));
  await writer.line({ kind: "kept", id, sha256: writer.digest() });
}

/** The text of each table and file. `sizes`: how the bytes arrive. */
async function read(file: Buffer, sizes: readonly number[]): Promise<string[]> {
  const reader = new BackupReader(pieces(file, sizes));
  await reader.first();
  const found: string[] = [];
  for (;;) {
    const line = await reader.next("table", "content", "end");
    if (line.kind === "end") {
      await reader.end(line);
      return found;
    }
    const chunks: Buffer[] = [];
    const from = line.kind === "table" ? reader.rows(line.name) : reader.content(line.id);
    for await (const chunk of from) chunks.push(chunk);
    found.push(Buffer.concat(chunks).toString());
  }
}

async function* pieces(file: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of sizes) {
    yield file.subarray(at, at + size);
    at += size;
  }
  yield file.subarray(at);
}

test("what was written is read, however it arrives", async () => {
  await fc.assert(
    fc.asyncProperty(tables, fc.array(fc.nat(40), { maxLength: 60 }), async (chunks, sizes) => {
      expect(await read(await write(chunks), sizes)).toEqual(chunks.map((table) => table.flat().join("")));
    }),
  );
});

test("any changed byte, and any missing end, is recognised", async () => {
  await fc.assert(
    fc.asyncProperty(tables, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (chunks, at, xor, cut) => {
      const file = await write(chunks);
      const place = at % file.length;
      const broken = Buffer.from(cut ? file.subarray(0, place) : file);
      if (!cut) broken[place] = (broken[place] ?? 0) ^ xor;
      // The line of the backup itself is covered by the first sum behind it.
      const error = await read(broken, []).then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(isGuanxiError(error, "MALFORMED"), String(error)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
