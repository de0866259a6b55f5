import type { GroupTerm, MetricTerm, Totals, TotalsOrder } from "./aggregates.ts";
import { joined, part, queryText } from "./address.ts";
import type { Condition } from "./condition.ts";
import { type Fields, type Filter, filterText, where } from "./filter.ts";
import { type ExportParameters, exportQuery, ImportJob, type ImportOptions, importCall } from "./jobs.ts";
import type {
  Answer,
  ExpandName,
  FieldName,
  ObjectName,
  OrderPath,
  PathValue,
  ReadRecord,
  Schema,
  SelectPath,
} from "./objects.ts";
import { type ProblemFacts, readJson } from "./problem.ts";
import type { Call, CallOptions, FileBody, Reply, Transport, WriteOptions } from "./transport.ts";

export interface ReadParameters<
  O extends Schema<O>,
  N extends ObjectName<O>,
  P extends string,
  E extends string,
> extends CallOptions {
  /** Fields of the answer, also parts of them and through references: `["name", "address.city", "account.owner.name"]`; `*` is every field. */
  readonly select?: readonly SelectPath<O, N, P>[];
  /** References and lists whose ids are replaced by the records. */
  readonly expand?: readonly (E & ExpandName<O, N>)[];
}

export interface ListParameters<
  O extends Schema<O>,
  N extends ObjectName<O>,
  P extends string,
  E extends string,
  T extends string,
> extends ReadParameters<O, N, P, E> {
  readonly filter?: Filter<O, N>;
  /** `["-created_at", "name"]`. */
  readonly order?: readonly OrderPath<O, N, T>[];
  /** Rows of a page, at most 500. */
  readonly limit?: number;
  readonly cursor?: string;
  readonly count?: "exact";
  /** Deleted records instead of live ones. */
  readonly deleted?: "only";
}

export interface AggregateParameters<
  O extends Schema<O>,
  N extends ObjectName<O>,
  G extends string,
  M extends string,
> extends CallOptions {
  readonly group?: readonly GroupTerm<O, N, G>[];
  /** `count()` unless given. */
  readonly metrics?: readonly MetricTerm<O, N, M>[];
  readonly filter?: Filter<O, N>;
  /** A condition on the columns of the answer. */
  readonly having?: string | Condition;
  readonly order?: readonly TotalsOrder<NoInfer<G | ([M] extends [never] ? "count()" : M)>>[];
  readonly limit?: number;
}

export interface Page<T> {
  readonly data: readonly T[];
  /** For the next page; null after the last one. */
  readonly next: string | null;
  /** All that match, where it was asked for. */
  readonly count?: number;
}

export interface HistoryEntry {
  readonly version: number;
  readonly at: string;
  readonly by: string | null;
  readonly op: "create" | "update" | "delete" | "restore" | "purge";
  readonly cause: Readonly<Record<string, unknown>>;
  /** By field; of one whose values are not told, an empty object. */
  readonly changes: Readonly<Record<string, { readonly from?: unknown; readonly to?: unknown }>>;
}

/** What became of one row, where each is written alone. */
export type RowOutcome = { readonly id: string } | { readonly error: Omit<ProblemFacts, "requestId" | "cause"> };

export interface VersionedWrite extends WriteOptions {
  /** Refuses with status 412 unless the record still has this version. */
  readonly version?: number;
}

export interface DeleteOptions extends VersionedWrite {
  /** For good, also a record that is deleted already. */
  readonly purge?: boolean;
}

/** The records of one object. Every call rejects with GuanxiProblem when it does not succeed. */
export class RecordsOf<O extends Schema<O>, N extends ObjectName<O>> {
  readonly #transport: Transport;
  readonly #plural: () => Promise<string>;

  /** `plural` says the object's word in addresses. */
  constructor(transport: Transport, plural: () => Promise<string>) {
    this.#transport = transport;
    this.#plural = plural;
  }

  async #call(tail: string, call: Omit<Call, "path">): Promise<Reply> {
    return this.#transport.send({ ...call, path: `/api/${await this.#plural()}${tail}` });
  }

  /** A condition for `filter`, built of the object's fields. */
  where(build: (fields: Fields<O, N>) => Condition): Condition {
    return where<O, N>(build);
  }

  async get<P extends string = never, E extends string = never>(
    id: string,
    parameters: ReadParameters<O, N, P, E> = {},
  ): Promise<Answer<O, N, P, E>> {
    return this.#read(`/${part(id)}`, parameters);
  }

  /** By a field that is unique. */
  async getBy<K extends O[N]["keys"], P extends string = never, E extends string = never>(
    field: K,
    value: NonNullable<PathValue<O, N, K>>,
    parameters: ReadParameters<O, N, P, E> = {},
  ): Promise<Answer<O, N, P, E>> {
    return this.#read(`/by/${part(field)}/${part(String(value))}`, parameters);
  }

  async #read<P extends string, E extends string>(
    tail: string,
    { select, expand, signal }: ReadParameters<O, N, P, E>,
  ): Promise<Answer<O, N, P, E>> {
    const query = queryText({ select: joined(select), expand: joined(expand) });
    const { body } = await this.#call(tail + query, { method: "GET", signal });
    return body as Answer<O, N, P, E>;
  }

  /** One page. */
  async list<P extends string = never, E extends string = never, T extends string = never>(
    parameters: ListParameters<O, N, P, E, T> = {},
  ): Promise<Page<Answer<O, N, P, E>>> {
    const { signal, select, expand, order, filter, ...rest } = parameters;
    const query = {
      ...rest,
      select: joined(select),
      expand: joined(expand),
      order: joined(order),
      filter: filter === undefined ? undefined : filterText(filter),
    };
    // As a body, because a long filter does not fit into an address.
    const { body } = await this.#call("/query", { method: "POST", reads: true, body: query, signal });
    return body as Page<Answer<O, N, P, E>>;
  }

  /** Page after page, beginning at `cursor` where one is given. */
  async *pages<P extends string = never, E extends string = never, T extends string = never>(
    parameters: ListParameters<O, N, P, E, T> = {},
  ): AsyncGenerator<Page<Answer<O, N, P, E>>, void, undefined> {
    for (let next = parameters.cursor; ;) {
      const page = await this.list<P, E, T>({ ...parameters, ...(next === undefined ? {} : { cursor: next }) });
      yield page;
      if (page.next === null) return;
      next = page.next;
    }
  }

  /** Record after record; `limit` is the size of the pages that they come in. */
  async *all<P extends string = never, E extends string = never, T extends string = never>(
    parameters: ListParameters<O, N, P, E, T> = {},
  ): AsyncGenerator<Answer<O, N, P, E>, void, undefined> {
    for await (const page of this.pages<P, E, T>(parameters)) yield* page.data;
  }

  async aggregate<G extends string = never, M extends string = never>(
    parameters: AggregateParameters<O, N, G, M> = {},
  ): Promise<readonly Totals<O, N, G, M>[]> {
    const { signal, group, metrics, filter, having, order, limit } = parameters;
    const query = queryText({
      group: joined(group),
      metrics: joined(metrics),
      filter: filter === undefined ? undefined : filterText(filter),
      having,
      order: joined(order),
      limit,
    });
    const { body } = await this.#call(`/aggregate${query}`, { method: "GET", signal });
    return (body as { data: readonly Totals<O, N, G, M>[] }).data;
  }

  /** Who changed what, newest first. */
  async history(
    id: string,
    { signal, limit, cursor }: { limit?: number; cursor?: string } & CallOptions = {},
  ): Promise<Page<HistoryEntry>> {
    const { body } = await this.#call(`/${part(id)}/history${queryText({ limit, cursor })}`, { method: "GET", signal });
    return body as Page<HistoryEntry>;
  }

  async create(value: O[N]["create"], options: WriteOptions = {}): Promise<ReadRecord<O, N>> {
    return (await this.#call("", { ...options, method: "POST", body: value })).body as ReadRecord<O, N>;
  }

  /** Up to 1,000 records, all or none; with `atomic: false` each alone, and what became of it. */
  createMany(
    values: readonly O[N]["create"][],
    options: WriteOptions & { atomic: false },
  ): Promise<readonly RowOutcome[]>;
  createMany(
    values: readonly O[N]["create"][],
    options?: WriteOptions & { atomic?: true },
  ): Promise<readonly ReadRecord<O, N>[]>;
  async createMany(
    values: readonly O[N]["create"][],
    { atomic, ...options }: WriteOptions & { atomic?: boolean } = {},
  ): Promise<readonly unknown[]> {
    const { body } = await this.#call(queryText({ atomic }), { ...options, method: "POST", body: values });
    return (body as { data: readonly unknown[] }).data;
  }

  /** A JSON merge patch: null empties a field. */
  async update(id: string, patch: O[N]["patch"], options: VersionedWrite = {}): Promise<ReadRecord<O, N>> {
    return (await this.#call(`/${part(id)}`, { ...options, method: "PATCH", body: patch })).body as ReadRecord<O, N>;
  }

  /** Up to 1,000 patches, each with the id of its record, all or none; with `atomic: false` each alone, and what became of it. */
  updateMany(
    patches: readonly (O[N]["patch"] & { id: string })[],
    options: WriteOptions & { atomic: false },
  ): Promise<readonly RowOutcome[]>;
  updateMany(
    patches: readonly (O[N]["patch"] & { id: string })[],
    options?: WriteOptions & { atomic?: true },
  ): Promise<readonly ReadRecord<O, N>[]>;
  async updateMany(
    patches: readonly (O[N]["patch"] & { id: string })[],
    { atomic, ...options }: WriteOptions & { atomic?: boolean } = {},
  ): Promise<readonly unknown[]> {
    const { body } = await this.#call(queryText({ atomic }), { ...options, method: "PATCH", body: patches });
    return (body as { data: readonly unknown[] }).data;
  }

  /** Creates the record that has this value in a unique field, or changes it. */
  async upsert<K extends O[N]["keys"] & keyof O[N]["patch"] & FieldName<O, N>>(
    field: K,
    value: NonNullable<PathValue<O, N, K>>,
    body: O[N]["patch"],
    options: WriteOptions = {},
  ): Promise<{ created: boolean; record: ReadRecord<O, N> }> {
    const tail = `/by/${part(field)}/${part(String(value))}`;
    const reply = await this.#call(tail, { ...options, method: "PUT", body });
    return { created: reply.status === 201, record: reply.body as ReadRecord<O, N> };
  }

  /** It can be restored, unless it is purged. */
  async delete(id: string, { purge, ...options }: DeleteOptions = {}): Promise<void> {
    await this.#call(`/${part(id)}${queryText({ purge })}`, { ...options, method: "DELETE" });
  }

  async restore(id: string, options: WriteOptions = {}): Promise<ReadRecord<O, N>> {
    return (await this.#call(`/${part(id)}/restore`, { ...options, method: "POST" })).body as ReadRecord<O, N>;
  }

  /** Sends a file of any length, CSV unless said; the job begins when all of it has arrived. It is sent once, whatever happens. */
  async import(file: FileBody, options: ImportOptions<O[N]["keys"]> = {}): Promise<ImportJob> {
    const response = await this.#transport.transfer(importCall(await this.#plural(), file, options));
    const { id } = readJson(response, await response.text()) as { id: string };
    return new ImportJob(this.#transport, id);
  }

  /** All records that match as a file, CSV unless said, while it is read. A file that breaks off is an error of the stream. */
  async export<P extends string = never, E extends string = never, T extends string = never>(
    parameters: ExportParameters<O, N, P, E, T> = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const path = `/api/export/${await this.#plural()}${exportQuery(parameters)}`;
    const { body } = await this.#transport.transfer({ method: "GET", path, headers: {}, signal: parameters.signal });
    return body ?? new Blob([]).stream();
  }
}
