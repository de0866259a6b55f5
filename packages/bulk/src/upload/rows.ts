import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GuanxiError } from "@guanxi/base";
import { CsvError, parse } from "csv-parse";
import type { RawRow } from "../mapping/row.ts";

/**
 * The records of a CSV text (RFC 4180), the header among them, as many at once as there are; rows of empty cells are left out. MALFORMED with
 * the line.
 */
export async function* csvRows(
  text: AsyncIterable<string>,
  delimiter: string,
  rowLength: number,
): AsyncGenerator<RawRow[]> {
  const parser = parse({
    delimiter,
    max_record_size: rowLength,
    // Rows with too few or too many cells are refused one by one, and a quote within a cell is a character like any other.
    relax_column_count: true,
    relax_quotes: true,
    skip_records_with_empty_values: true,
  });
  const fed = pipeline(Readable.from(text), parser);
  try {
    for await (const first of parser) {
      const records = [first as string[]];
      for (let next = parser.read(); next !== null; next = parser.read()) records.push(next as string[]);
      yield records;
    }
    await fed;
  } catch (e) {
    await fed.catch(() => undefined);
    throw e instanceof CsvError ? csvFault(e, rowLength) : e;
  } finally {
    parser.destroy();
    await fed.catch(() => undefined);
  }
}

function csvFault(e: CsvError, rowLength: number): GuanxiError {
  const line = Number(e["lines"]);
  const what =
    e.code === "CSV_MAX_RECORD_SIZE"
      ? `a row has more than ${rowLength} characters; is a quote not closed?`
      : e.code === "CSV_QUOTE_NOT_CLOSED"
        ? "a quote is not closed"
        : e.message;
  return new GuanxiError("MALFORMED", { detail: `The file is not valid CSV: ${what} (line ${line})`, cause: e });
}

/** The lines of a text that hold anything, as many at once as there are. */
export async function* lineRows(text: AsyncIterable<string>, rowLength: number): AsyncGenerator<RawRow[]> {
  let rest = "";
  let count = 0;
  for await (const piece of text) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) refuseLong(line, rowLength, ++count);
    yield filled(lines);
    refuseLong(rest, rowLength, count + 1);
  }
  yield filled([rest]);
}

const filled = (lines: readonly string[]): string[] => lines.map((line) => line.trim()).filter((line) => line !== "");

function refuseLong(line: string, rowLength: number, number: number): void {
  if (line.length > rowLength)
    throw new GuanxiError("MALFORMED", { detail: `Line ${number} has more than ${rowLength} characters.` });
}
