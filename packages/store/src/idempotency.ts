import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import { and, eq, isNull, lt, sql } from "./drizzle.ts";
import { idempotency } from "./tables.ts";

/** Whose key it is: two users of a tenant may use the same one. */
export interface IdempotencyKey {
  readonly tenant: string;
  readonly user: string;
  readonly key: string;
}

/** A first answer as it is given again. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** A key that another request holds or held. */
export interface Held {
  readonly claim: string;
  readonly digest: string;
  /** Undefined before there is one. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly kept: boolean;
  /** Whether the request is still under way, as far as its process says. */
  readonly leased: boolean;
}

export interface IdempotencyTable {
  /** Takes the key for `claim`; undefined when it is taken now, else who holds it. Keys older than `hours` are free. */
  take(key: IdempotencyKey, claim: string, digest: string, leaseMs: number, hours: number): Promise<Held | undefined>;
  /** Takes the key over from a claim whose lease has ended without an answer; false when another was faster. */
  takeOver(key: IdempotencyKey, from: string, claim: string, leaseMs: number): Promise<boolean>;
  renew(key: IdempotencyKey, claim: string, leaseMs: number): Promise<void>;
  /** Keeps the answer, or, without one, that the request was carried out. */
  finish(key: IdempotencyKey, claim: string, answer: KeptAnswer | undefined): Promise<void>;
  /** Frees the key: the request did nothing. */
  release(key: IdempotencyKey, claim: string): Promise<void>;
  /** Removes up to `most` keys older than `hours`; → how many. */
  sweep(hours: number, most: number): Promise<number>;
}

const t = idempotency;
const is = ({ tenant, user, key }: IdempotencyKey) => and(eq(t.tenant, tenant), eq(t.user, user), eq(t.key, key));
const held = (key: IdempotencyKey, claim: string) => and(is(key), eq(t.claim, claim), isNull(t.status));
// PostgreSQL's clock decides, so that processes need not agree on the time.
const inMs = (ms: number) => sql`now() + ${ms} * interval '1 millisecond'`;
const hoursAgo = (hours: number) => sql`now() - ${hours} * interval '1 hour'`;

export function createIdempotencyTable(db: PostgresJsDatabase): IdempotencyTable {
  async function find(key: IdempotencyKey): Promise<Held | undefined> {
    const [row] = await db
      .select({ row: t, leased: sql<boolean>`${t.leaseUntil} > now()` })
      .from(t)
      .where(is(key));
    if (!row) return undefined;
    const { claim, digest, status, headers, body, kept } = row.row;
    return { claim, digest, status: status ?? undefined, headers: headers ?? {}, body, kept, leased: row.leased };
  }

  return {
    async take(key, claim, digest, leaseMs, hours) {
      const fresh = { claim, digest, leaseUntil: inMs(leaseMs) };
      const empty = { status: null, headers: null, body: null, kept: true, createdAt: sql`now()` };
      for (;;) {
        const taken = await db
          .insert(t)
          .values({ ...key, ...fresh })
          .onConflictDoUpdate({
            target: [t.tenant, t.user, t.key],
            set: { ...fresh, ...empty },
            setWhere: lt(t.createdAt, hoursAgo(hours)),
          })
          .returning({ claim: t.claim });
        if (taken.length > 0) return undefined;
        const holder = await find(key);
        // Whoever held it may have freed it meanwhile.
        if (holder) return holder;
      }
    },
    takeOver: async (key, from, claim, leaseMs) =>
      (
        await db
          .update(t)
          .set({ claim, leaseUntil: inMs(leaseMs) })
          .where(and(held(key, from), lt(t.leaseUntil, sql`now()`)))
          .returning({ claim: t.claim })
      ).length > 0,
    renew: async (key, claim, leaseMs) =>
      void (await db
        .update(t)
        .set({ leaseUntil: inMs(leaseMs) })
        .where(held(key, claim))),
    finish: async (key, claim, answer) =>
      void (await db
        .update(t)
        .set(answer ? { ...answer, kept: true } : { status: 0, kept: false })
        .where(held(key, claim))),
    release: async (key, claim) => void (await db.delete(t).where(held(key, claim))),
    async sweep(hours, most) {
      const old = db
        .select({ at: sql`ctid` })
        .from(t)
        .where(lt(t.createdAt, hoursAgo(hours)))
        .limit(most);
      return (
        await db
          .delete(t)
          .where(sql`ctid = ANY(ARRAY(${old}))`)
          .returning({ claim: t.claim })
      ).length;
    },
  };
}
