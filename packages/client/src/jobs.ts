import { joined, part, queryText } from "./address.ts";
import { type Filter, filterText } from "./filter.ts";
import type { ExpandName, ObjectName, OrderPath, Schema, SelectPath } from "./objects.ts";
import type { ProblemFacts } from "./problem.ts";
import {
  type CallOptions,
  type FileBody,
  type FileCall,
  pause,
  type Transport,
  type WriteOptions,
} from "./transport.ts";

type FileFormat = "csv" | "ndjson";

const mediaTypes: Readonly<Record<FileFormat, string>> = { csv: "text/csv", ndjson: "application/x-ndjson" };

export interface ImportOptions<K extends string> extends CallOptions {
  readonly format?: FileFormat;
  /** The name of a stored mapping, or a mapping itself; without one, columns are named like fields. */
  readonly mapping?: string | Readonly<Record<string, unknown>>;
  /** `create` unless there is a `key`: then a row whose key a record has changes this record. */
  readonly mode?: "create" | "upsert";
  readonly key?: K | "id";
  /** `utf-8` unless the mapping says otherwise. */
  readonly charset?: "utf-8" | "gb18030" | "gbk";
  /** Language of the reasons for which rows are rejected. */
  readonly language?: string;
}

export interface ExportParameters<
  O extends Schema<O>,
  N extends ObjectName<O>,
  P extends string,
  E extends string,
  T extends string,
> extends CallOptions {
  readonly format?: FileFormat;
  readonly select?: readonly SelectPath<O, N, P>[];
  readonly expand?: readonly (E & ExpandName<O, N>)[];
  readonly filter?: Filter<O, N>;
  readonly order?: readonly OrderPath<O, N, T>[];
  readonly deleted?: "only";
  /** A byte order mark first, by which Excel knows UTF-8. */
  readonly bom?: boolean;
  /** An apostrophe before texts that spreadsheets would run as formulas; true unless said. */
  readonly guard?: boolean;
}

export interface JobState {
  readonly id: string;
  readonly object: string | null;
  readonly status: "queued" | "running" | "finished" | "failed" | "cancelled";
  /** Rows of the file, and how many of them are done with. */
  readonly total: number;
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
  /** Why it failed as a whole. */
  readonly error: Omit<ProblemFacts, "requestId" | "cause"> | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
}

export function importCall<K extends string>(plural: string, body: FileBody, options: ImportOptions<K>): FileCall {
  const { format = "csv", mapping, mode, key, charset, language, signal } = options;
  const query = queryText({ mapping: typeof mapping === "object" ? JSON.stringify(mapping) : mapping, mode, key });
  const type = charset === undefined ? mediaTypes[format] : `${mediaTypes[format]}; charset=${charset}`;
  const headers = { "content-type": type, ...(language === undefined ? {} : { "accept-language": language }) };
  return { method: "POST", path: `/api/import/${plural}${query}`, headers, body, signal };
}

export function exportQuery<
  O extends Schema<O>,
  N extends ObjectName<O>,
  P extends string,
  E extends string,
  T extends string,
>(parameters: ExportParameters<O, N, P, E, T>): string {
  const { signal: _, select, expand, order, filter, format = "csv", ...rest } = parameters;
  const terms = { select: joined(select), expand: joined(expand), order: joined(order) };
  return queryText({ ...rest, format, ...terms, filter: filter === undefined ? undefined : filterText(filter) });
}

/** ms between two looks at a job: soon at first, because most are short, and each time half as long again up to the longest. */
const firstLookMs = 100;
const longestLookMs = 2_000;

/** An import that is under way on the server, whether anybody watches it or not. */
export class ImportJob {
  readonly id: string;
  readonly #transport: Transport;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.id = id;
  }

  get #path(): string {
    return `/api/jobs/${part(this.id)}`;
  }

  async read({ signal }: CallOptions = {}): Promise<JobState> {
    return (await this.#transport.send({ method: "GET", path: this.#path, signal })).body as JobState;
  }

  /** How far it is, again and again; the last state is that of its end. */
  async *progress({ signal }: CallOptions = {}): AsyncGenerator<JobState, void, undefined> {
    for (let ms = firstLookMs; ; ms = Math.min(longestLookMs, ms * 1.5)) {
      const state = await this.read({ signal });
      yield state;
      if (state.ended_at !== null) return;
      await pause(ms, signal);
    }
  }

  /** Its state at its end: also one that failed or was cancelled, as `status` says. */
  async ended({ signal }: CallOptions = {}): Promise<JobState> {
    let last: JobState | undefined;
    for await (const state of this.progress({ signal })) last = state;
    return last as JobState;
  }

  /** The rejected rows as CSV, each with its number and the reason. */
  async errors({ signal }: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.#transport.transfer({
      method: "GET",
      path: `${this.#path}/errors`,
      headers: {},
      signal,
    });
    return body ?? new Blob([]).stream();
  }

  /** Ends it where it stands; what it has imported stays. */
  async cancel(options: WriteOptions = {}): Promise<JobState> {
    const reply = await this.#transport.send({ ...options, method: "POST", path: `${this.#path}/cancel` });
    return reply.body as JobState;
  }
}
