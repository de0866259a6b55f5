import { createHash, type Hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { GuanxiError } from "@guanxi/base";

/*
 * A backup is text: lines of JSON, and behind each line of the kind `data` so many bytes of PostgreSQL's COPY text. Order:
 * backup, then for each tenant: tenant, then for each table: table, data …, rows; counters; then for each file: content, data …, kept
 * (where its content is there); done; at last: end. A `data` of a file is a piece of its content.
 */

/** Raised when a program that reads only the former format could not read the new one. Format 1 had no files. */
export const formatVersion = 2;

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};
export const programVersion = version;

/** Bytes of one line of JSON; the first names all tenants, at 30 to 250 bytes each. */
const longestLine = 64_000_000;
/** Bytes of one `data`; PostgreSQL gives some 64 KB at a time, unless a single row is longer. */
const longestData = 1_100_000_000;

export interface BackupLine {
  readonly kind: "backup";
  readonly format: number;
  readonly program: string;
  readonly postgres: string;
  readonly at: string;
  readonly tenants: readonly { readonly id: string; readonly name: string }[];
}
/** `levels`: how many migrations of each component the fixed tables have had. */
export interface TenantLine {
  readonly kind: "tenant";
  readonly id: string;
  readonly name: string;
  readonly plugins: readonly string[];
  readonly createdAt: string;
  readonly levels: Readonly<Record<string, number>>;
}
/** The rows of a table follow; `shared` ones are those of the tenant in a table that all tenants share. */
export interface TableLine {
  readonly kind: "table";
  readonly name: string;
  readonly shared: boolean;
  readonly columns: readonly string[];
}
/** `sha256` of everything before this line. */
export interface RowsLine {
  readonly kind: "rows";
  readonly table: string;
  readonly rows: number;
  readonly sha256: string;
}
export interface ContentLine {
  readonly kind: "content";
  /** The id of the file. */
  readonly id: string;
  /** False where the storage had lost it. */
  readonly there: boolean;
}
/** `sha256` of everything before this line. */
interface KeptLine {
  readonly kind: "kept";
  readonly id: string;
  readonly sha256: string;
}
export interface Counter {
  readonly table: string;
  readonly column: string;
  /** A whole number, of which a double may not keep every digit. */
  readonly last: string;
  readonly called: boolean;
}
export type Line =
  | BackupLine
  | TenantLine
  | TableLine
  | { readonly kind: "data"; readonly bytes: number }
  | RowsLine
  | ContentLine
  | KeptLine
  | { readonly kind: "counters"; readonly counters: readonly Counter[] }
  | { readonly kind: "done"; readonly tenant: string }
  /** A tenant of the first line that was deleted before its turn. */
  | { readonly kind: "gone"; readonly tenant: string }
  | { readonly kind: "end"; readonly sha256: string };

type Kind = Line["kind"];
export type LineOf<K extends Kind> = Extract<Line, { kind: K }>;

const lineFeed = 0x0a;

export function countRows(rows: Buffer): number {
  let count = 0;
  for (let at = rows.indexOf(lineFeed); at >= 0; at = rows.indexOf(lineFeed, at + 1)) count++;
  return count;
}

export const damaged = (detail: string, cause?: unknown): GuanxiError =>
  new GuanxiError("MALFORMED", { detail: `The backup cannot be restored: ${detail}`, cause });

export class BackupWriter {
  readonly #hash: Hash = createHash("sha256");
  readonly #sink: (bytes: Buffer) => Promise<void>;

  constructor(sink: (bytes: Buffer) => Promise<void>) {
    this.#sink = sink;
  }

  /** Of everything that was written so far. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  line(line: Line): Promise<void> {
    return this.#write(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  async data(rows: Buffer): Promise<void> {
    await this.line({ kind: "data", bytes: rows.length });
    await this.#write(rows);
  }

  #write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    return this.#sink(bytes);
  }
}

/** Reads a backup from the front to its end. Throws MALFORMED where it is no backup, damaged, cut off or from a newer program. */
export class BackupReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #hash: Hash = createHash("sha256");
  /** What has come and is not read yet. */
  #rest: Buffer = Buffer.alloc(0);
  #digest = "";

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line, of one of these kinds. */
  async next<K extends Kind>(...kinds: readonly K[]): Promise<LineOf<K>> {
    const text = await this.#readLine();
    const line = parseLine(text);
    if (!(kinds as readonly string[]).includes(String(line?.["kind"])))
      throw damaged(`it has ${text.slice(0, 80)} where ${kinds.join(" or ")} should follow.`);
    return line as unknown as LineOf<K>;
  }

  async first(): Promise<BackupLine> {
    const line = parseLine(await this.#readLine());
    if (line?.["kind"] !== "backup" || !Array.isArray(line["tenants"])) throw notABackup();
    const first = line as unknown as BackupLine;
    if (!(first.format <= formatVersion))
      throw damaged(
        `it has the format ${first.format}, written by version ${first.program}; this program, ${programVersion}, reads formats up to ${formatVersion}.`,
      );
    return first;
  }

  /** The rows up to the line of the kind `rows`, whose count and checksum must be right. */
  async *rows(table: string): AsyncGenerator<Buffer, number> {
    let count = 0;
    for (;;) {
      const line = await this.next("data", "rows");
      if (line.kind === "rows") {
        this.#verify(line.sha256, `its table ${table}`);
        if (line.rows !== count || line.table !== table)
          throw damaged(`it has ${count} rows of ${table}, of ${line.rows}.`);
        return count;
      }
      for await (const chunk of this.#readBytes(line.bytes, table)) {
        count += countRows(chunk);
        yield chunk;
      }
    }
  }

  /** The content of a file up to the line of the kind `kept`, whose checksum must be right. */
  async *content(id: string): AsyncGenerator<Buffer> {
    for (;;) {
      const line = await this.next("data", "kept");
      if (line.kind === "data") yield* this.#readBytes(line.bytes, `the file ${id}`);
      else if (line.id !== id) throw damaged(`the file ${id} ends as ${line.id}.`);
      else return this.#verify(line.sha256, `its file ${id}`);
    }
  }

  /** Reads over the content of a file. */
  async skipContent({ id, there }: ContentLine): Promise<void> {
    const content = this.content(id);
    while (there && !(await content.next()).done);
  }

  /** Reads over what is left of the table. */
  async skipRows(table: string): Promise<void> {
    const rows = this.rows(table);
    while (!(await rows.next()).done);
  }

  /** What follows the line of the kind `end`, which the caller has read. */
  async end(line: LineOf<"end">): Promise<void> {
    this.#verify(line.sha256, "it");
    if (this.#rest.length > 0 || (await this.#more())) throw damaged("something follows its end.");
  }

  #verify(sha256: string, what: string): void {
    if (sha256 !== this.#digest) throw damaged(`${what} is damaged (its checksum is wrong).`);
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      if (value.length === 0) continue;
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
      return true;
    }
  }

  #take(bytes: number): Buffer {
    const taken = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    this.#hash.update(taken);
    return taken;
  }

  async #readLine(): Promise<string> {
    let end = this.#rest.indexOf(lineFeed);
    while (end < 0) {
      const searched = this.#rest.length;
      if (searched > longestLine) throw damaged("a line of it has no end.");
      if (!(await this.#more())) throw damaged("it was cut off: its end is missing.");
      end = this.#rest.indexOf(lineFeed, searched);
    }
    // A checksum in the line is of what stands before it.
    this.#digest = this.#hash.copy().digest("hex");
    return this.#take(end + 1).toString("utf8", 0, end);
  }

  async *#readBytes(bytes: number, what: string): AsyncGenerator<Buffer> {
    if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > longestData)
      throw damaged(`it names ${bytes} bytes of ${what}.`);
    for (let left = bytes; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#more())) throw damaged("it was cut off: its end is missing.");
      const chunk = this.#take(left);
      left -= chunk.length;
      yield chunk;
    }
  }
}

export const notABackup = (): GuanxiError =>
  new GuanxiError("MALFORMED", { detail: "This is no backup: send a file that GET /platform/backup gave." });

function parseLine(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
