import type { Kernel, ListParameters, Session } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import { largestPage } from "@guanxi/query";
import { stringify } from "csv-stringify/sync";
import type { FileFormat } from "../mapping/definition.ts";
import { cellOf, columnsOf } from "./columns.ts";

export interface ExportRequest {
  readonly format: FileFormat;
  readonly parameters: Omit<ListParameters, "limit" | "cursor" | "count">;
  /** Apostrophes before what a spreadsheet would run. */
  readonly guard: boolean;
  /** A byte order mark, by which Excel knows UTF-8. */
  readonly bom: boolean;
}

const encoder = new TextEncoder();

/** Records as CSV, per RFC 4180. */
export const csvLines = (rows: readonly (readonly string[])[], delimiter = ","): string =>
  rows.length === 0 ? "" : stringify(rows as string[][], { record_delimiter: "\r\n", delimiter });

/**
 * The records as bytes, page after page as the receiver takes them. The first page is read before this resolves, so that what is wrong with
 * the request is an answer and not a broken stream. Pages follow each other by the sort values of the last row: a record that is there all
 * the time, and keeps its place, is in the export once.
 */
export async function exportRecords(
  kernel: Kernel,
  session: Session,
  object: ObjectType,
  request: ExportRequest,
): Promise<ReadableStream<Uint8Array>> {
  const limit = largestPage(session.snapshot, object, request.parameters);
  const asked = { ...request.parameters, limit };
  const read = async (cursor: string | undefined): Promise<{ data: unknown[]; next: string | null }> => {
    const parameters = { ...asked, ...(cursor === undefined ? {} : { cursor }) };
    return JSON.parse(await kernel.records.list(session, object.name, parameters)) as {
      data: unknown[];
      next: string | null;
    };
  };
  const write = (records: readonly unknown[]): string =>
    request.format === "csv"
      ? csvLines(records.map((record) => columns.map((column) => cellOf(record, column, request.guard))))
      : records.map((record) => `${JSON.stringify(record)}\n`).join("");
  let next: Awaited<ReturnType<typeof read>> | undefined = await read(undefined);
  // Behind the read, which tells of faults as far as the caller may know.
  const columns = request.format === "csv" ? columnsOf(session.snapshot, object, asked) : [];
  const head = request.format === "csv" ? csvLines([columns.map(({ path }) => path.join("."))]) : "";
  let text = (request.bom ? "\uFEFF" : "") + head;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { data, next: cursor } = next as NonNullable<typeof next>;
        text += write(data);
        if (text !== "") controller.enqueue(encoder.encode(text));
        text = "";
        if (cursor === null) controller.close();
        else next = await read(cursor);
      },
    },
    // Nothing is read ahead of the receiver.
    { highWaterMark: 0 },
  );
}
