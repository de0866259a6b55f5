import { setImmediate } from "node:timers/promises";
import { GuanxiError, type Issue, type Locale } from "@guanxi/base";
import { type Kernel, refuseFiles, type Session } from "@guanxi/kernel";
import type { Field, ObjectType } from "@guanxi/meta";
import type { Connection } from "@guanxi/store";
import { type ClaimedJob, LostJob } from "../jobs/claim.ts";
import { compileMapping, type Mapping } from "../mapping/check.ts";
import { empty, type MappedRow, type RawRow, rowReader } from "../mapping/row.ts";
import { canonical, findBy, type Found } from "./find.ts";
import { type LookupCache, resolveLookups } from "./lookups.ts";
import { issuesOf, reasonOf } from "./reason.ts";
import {
  issuesByRow,
  type Prepared,
  prepareCreates,
  type ReadyRow,
  Refused,
  writeRows,
  type Written,
} from "./write.ts";

interface Chunk {
  readonly n: number;
  /** The first row's number. */
  readonly first: number;
  readonly rows: readonly RawRow[];
}

/** A chunk whose rows are read, as far as that can be done while the chunk before it is written. */
export interface ReadChunk {
  readonly chunk: Chunk;
  readonly attempt: ChunkImport;
}

/** What became of a chunk. Without `rows` it is still there, to be read anew. */
export interface ChunkEnd {
  readonly rows?: Written & { readonly rejected: number };
}

const sessionOf = (kernel: Kernel, { tenant, actor, request, id }: ClaimedJob, trace?: string): Promise<Session> =>
  kernel.sessionFor(tenant, actor, {
    ...(request === null ? {} : { request }),
    ...(trace === undefined ? {} : { trace }),
    ...{ job: id, depth: 0 },
  });

/** The job's first chunk behind number `after`; → undefined when there is none. */
export async function readChunk(
  kernel: Kernel,
  job: ClaimedJob,
  cache: LookupCache,
  after: number,
): Promise<ReadChunk | undefined> {
  const chunk = await nextChunk(kernel, job, after);
  if (!chunk) return undefined;
  const attempt = new ChunkImport(kernel, await sessionOf(kernel, job), job, chunk, cache);
  await attempt.read();
  return { chunk, attempt };
}

/**
 * Imports a chunk: its records, the rejected rows, the progress and the chunk's end are one transaction. What it writes belongs to `trace`.
 */
export async function importChunk(
  kernel: Kernel,
  job: ClaimedJob,
  cache: LookupCache,
  { chunk, attempt: first }: ReadChunk,
  trace: string | undefined,
): Promise<ChunkEnd> {
  let session = await sessionOf(kernel, job, trace);
  let attempt = first.goOn(session) ? first : undefined;
  for (;;) {
    if (!attempt) {
      attempt = new ChunkImport(kernel, session, job, chunk, cache);
      await attempt.read();
    }
    await attempt.prepare();
    // A row may be refused only by the newest metadata: what it lacks may have come to be since.
    const fresh = attempt.refusesAny ? await kernel.refresh(session) : session;
    if (fresh.snapshot.version === session.snapshot.version) return attempt.commit();
    session = fresh;
    attempt = undefined;
  }
}

async function nextChunk({ store }: Kernel, job: ClaimedJob, after: number): Promise<Chunk | undefined> {
  const [row] = await store.sql<{ n: number; first: number; rows: string }>(
    `SELECT n, first, rows FROM ${job.schema}._job_chunk WHERE job = $1 AND n > $2 ORDER BY n LIMIT 1`,
    [job.id, after],
  );
  return row && { n: row.n, first: row.first, rows: JSON.parse(row.rows) as RawRow[] };
}

/** The object on the snapshot, if the actor may still do to it what the job does; throws what ends the job else. */
export function objectOf(session: Session, objectId: number, mode: string): ObjectType {
  const object = session.snapshot.byId.get(objectId);
  if (!object) throw new GuanxiError("NOT_FOUND", { detail: "The object is no more." });
  const rights = session.actor.rights.object(object.name);
  for (const right of mode === "upsert" ? (["create", "edit"] as const) : (["create"] as const))
    if (!rights.has(right))
      throw new GuanxiError("FORBIDDEN", { detail: `This import needs the right ${right} on ${object.name}.` });
  refuseFiles(object);
  return object;
}

/** Rows that are read before others get the event loop: about a millisecond, since a request waits for its turn several times. */
const readAtOnce = 100;

/** Thrown to leave a trial's transaction without a commit. */
class Trial extends Error {}

class ChunkImport {
  readonly #kernel: Kernel;
  #session: Session;
  readonly #job: ClaimedJob;
  readonly #chunk: Chunk;
  readonly #cache: LookupCache;
  readonly #mapping: Mapping;
  readonly #rejected = new Map<MappedRow, readonly Issue[]>();
  #rows: readonly MappedRow[] = [];
  #prepared: Prepared | undefined;
  #good: readonly ReadyRow[] = [];
  #existing: ReadonlyMap<string, Found> = new Map();

  constructor(kernel: Kernel, session: Session, job: ClaimedJob, chunk: Chunk, cache: LookupCache) {
    this.#kernel = kernel;
    this.#session = session;
    this.#job = job;
    this.#chunk = chunk;
    this.#cache = cache;
    this.#mapping = compileMapping(
      job.plan.mapping,
      session.snapshot,
      objectOf(session, job.objectId, job.plan.mode),
      job.plan,
    );
  }

  get refusesAny(): boolean {
    return this.#rejected.size > 0;
  }

  /** Takes another session of the job for what is left to do; not one that has other metadata or rights. */
  goOn(session: Session): boolean {
    const same = session.snapshot === this.#session.snapshot && session.actor === this.#session.actor;
    if (same) this.#session = session;
    return same;
  }

  /** Reads the rows, and checks new records that need no look at others. */
  async read(): Promise<void> {
    const { plan } = this.#job;
    const read = rowReader(this.#mapping, plan.format, plan.columns);
    const rows: MappedRow[] = [];
    for (const [i, raw] of this.#chunk.rows.entries()) {
      if (i % readAtOnce === 0) await setImmediate();
      rows.push(read(raw, this.#chunk.first + i));
    }
    this.#rows = rows;
    if (this.#mapping.key || this.#rows.some((row) => row.lookups.length > 0)) return;
    this.#good = this.#rows.flatMap((row) => this.#ready(row) ?? []);
    this.#prepared = await prepareCreates(this.#kernel, this.#session, this.#mapping, this.#good);
  }

  /** Tells the good rows from the bad, storing nothing when any is bad. When all are good, `commit` is their first try. */
  async prepare(): Promise<void> {
    if (this.#prepared) return;
    await resolveLookups(
      this.#kernel,
      this.#session,
      this.#rows.filter((r) => r.issues.length === 0),
      this.#cache,
    );
    this.#good = this.#rows.flatMap((row) => this.#ready(row) ?? []);
    await this.#findExisting();
  }

  /** Writes what is good. Rows that the write refuses join the rejected ones, until the rest goes through. */
  async commit(): Promise<ChunkEnd> {
    for (;;) {
      try {
        return { rows: { ...(await this.#write(this.#good, true)), rejected: this.#rejected.size } };
      } catch (e) {
        if (!(e instanceof Refused)) throw e;
        await this.#leaveOut(e);
      }
      const fresh = await this.#kernel.refresh(this.#session);
      // The chunk is still there; it is read anew on the metadata that is new.
      if (fresh.snapshot.version !== this.#session.snapshot.version) return {};
    }
  }

  #ready(row: MappedRow): ReadyRow | undefined {
    const { key: field } = this.#mapping;
    if (row.issues.length > 0) return this.#reject(row, row.issues);
    if (!field) return { row, key: undefined };
    const value = row.values[field.name];
    const given = value === empty || value === null ? undefined : value;
    if (given === undefined)
      return field.name === "id"
        ? { row, key: undefined }
        : this.#reject(row, [{ path: `/${field.name}`, code: "required" }]);
    const key = canonical(this.#mapping.object, field, given);
    if (key === undefined) return this.#reject(row, this.#faultsOfKey(field, given));
    return { row, key };
  }

  #faultsOfKey(field: Field, value: unknown): readonly Issue[] {
    const { issues } = this.#mapping.object.preparePatch({ [field.name]: value });
    return issues.length > 0 && !field.readOnly
      ? issues
      : [{ path: `/${field.name}`, code: "format", params: { format: field.type } }];
  }

  #reject(row: MappedRow, issues: readonly Issue[]): undefined {
    this.#rejected.set(row, issues);
    return undefined;
  }

  async #findExisting(): Promise<void> {
    const { key: field, object } = this.#mapping;
    if (!field) return;
    const keys = this.#good.flatMap((r) => r.key ?? []);
    this.#existing = await findBy(this.#kernel, this.#session, object, field, keys);
    if (field.name !== "id") return;
    // An id names a record that is there; a new one gets its own.
    const isThere = ({ key }: ReadyRow): boolean => key === undefined || this.#existing.has(key);
    for (const { row } of this.#good.filter((r) => !isThere(r)))
      this.#reject(row, [{ path: "/id", code: "reference", params: { target: object.name } }]);
    this.#good = this.#good.filter(isThere);
  }

  /** Takes the rows that a write refuses out of the good ones: those it names, else those that a search finds. */
  async #leaveOut(refused: Refused): Promise<void> {
    const bad = issuesByRow(refused);
    if (await this.#metRivals(refused, bad)) return;
    if (bad.size === 0) {
      const first = await this.#search([], this.#good, false, refused);
      // Rows that only refuse each other are found by trying each with all the good ones before it.
      for (const [row, issues] of first.size > 0 ? first : await this.#search([], this.#good, true))
        bad.set(row, [...issues]);
    }
    if (bad.size === 0) throw refused.error;
    for (const [{ row }, issues] of bad) this.#reject(row, issues);
    this.#good = this.#good.filter((r) => !bad.has(r));
  }

  /** Whether records have come to be, or have gone, since the keys were looked up; the write is worth another try then. */
  async #metRivals({ error }: Refused, bad: ReadonlyMap<ReadyRow, unknown>): Promise<boolean> {
    const { key: field } = this.#mapping;
    if (!field || (error.code !== "CONFLICT" && error.code !== "NOT_FOUND")) return false;
    const before = this.#existing;
    await this.#findExisting();
    const rows = bad.size > 0 ? [...bad.keys()] : this.#good;
    return rows.some(({ key }) => key !== undefined && before.get(key)?.id !== this.#existing.get(key)?.id);
  }

  /** Bad rows among the candidates, found by halving; with `together`, each half is tried along with the good rows before it. */
  async #search(
    base: ReadyRow[],
    candidates: readonly ReadyRow[],
    together: boolean,
    known?: Refused,
  ): Promise<Map<ReadyRow, readonly Issue[]>> {
    const refused = known ?? (await this.#try([...base, ...candidates]));
    if (!refused) {
      if (together) base.push(...candidates);
      return new Map();
    }
    const [only] = candidates;
    if (candidates.length === 1 && only)
      return new Map([[only, issuesByRow(refused).get(only) ?? issuesOf(refused.error)]]);
    const half = Math.ceil(candidates.length / 2);
    const left = await this.#search(base, candidates.slice(0, half), together);
    const right = await this.#search(base, candidates.slice(half), together);
    return new Map([...left, ...right]);
  }

  async #try(rows: readonly ReadyRow[]): Promise<Refused | undefined> {
    try {
      await this.#write(rows, false);
      return undefined;
    } catch (e) {
      if (e instanceof Refused) return e;
      throw e;
    }
  }

  /** → what was written, or would have been. */
  async #write(rows: readonly ReadyRow[], forGood: boolean): Promise<Written> {
    let written: Written = { created: 0, updated: 0, unchanged: 0 };
    try {
      await this.#kernel.transaction(this.#session, async (inside) => {
        const prepared = rows === this.#prepared?.rows ? this.#prepared : undefined;
        written = await writeRows(this.#kernel, inside, this.#mapping, this.#existing, rows, prepared);
        if (!forGood) throw new Trial();
        await this.#finish(inside.connection, written);
      });
    } catch (e) {
      if (!(e instanceof Trial)) throw e;
    }
    return written;
  }

  /** The job's row is the fence: whoever does not hold it any more commits nothing. */
  async #finish(tx: Connection, { created, updated, unchanged }: Written): Promise<void> {
    const { schema, id, worker } = this.#job;
    const held = await tx.sql(
      `UPDATE ${schema}._job SET processed = processed + $3, created = created + $4, updated = updated + $5, unchanged = unchanged + $6,
         rejected = rejected + $7, faults = 0, updated_at = now()
       WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id`,
      [id, worker, this.#chunk.rows.length, created, updated, unchanged, this.#rejected.size],
    );
    if (held.length === 0) throw new LostJob();
    await tx.sql(`DELETE FROM ${schema}._job_chunk WHERE job = $1 AND n = $2`, [id, this.#chunk.n]);
    if (this.#rejected.size > 0) await this.#keepRejected(tx);
  }

  async #keepRejected(tx: Connection): Promise<void> {
    const { schema, id, locale } = this.#job;
    const rows = [...this.#rejected].map(([row, issues]) => [
      row.number,
      JSON.stringify(row.raw),
      reasonOf(issues, this.#mapping, locale as Locale),
    ]);
    await tx.sql(
      `INSERT INTO ${schema}._job_error (job, row, data, reason)
       SELECT $1, (e ->> 0)::bigint, e ->> 1, e ->> 2 FROM json_array_elements($2::json) e`,
      [id, JSON.stringify(rows)],
    );
  }
}
