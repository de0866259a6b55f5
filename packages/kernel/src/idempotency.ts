import { GuanxiError, isGuanxiError, newId, type Observe } from "@guanxi/base";
import { type Held, type IdempotencyKey, isDatabaseError, type KeptAnswer, quote, type Store } from "@guanxi/store";
import type { Session } from "./types.ts";

/** A request that came with an `Idempotency-Key`. */
export interface KeyedRequest {
  readonly key: string;
  /** Of everything that makes the request what it is; another one may not use the key. */
  readonly digest: string;
  /** Whether all that it does is changes of records, so that none means that nothing was done. */
  readonly traced: boolean;
}

/** A key in the hands of its first request, which ends with one of the two; neither throws. */
export interface IdempotencyClaim {
  /** Goes into the cause of what the request writes. */
  readonly id: string;
  /** Keeps the answer for repetitions; undefined where it must not be stored. */
  keep(answer: KeptAnswer | undefined): Promise<void>;
  /** The request failed and has no answer that counts: a repetition may try again, where that cannot do anything twice. */
  abandon(error: unknown): Promise<void>;
}

export interface Idempotency {
  /**
   * The answer of an earlier request with the user's key, or the claim for this one. Throws IDEMPOTENCY_KEY when the key is
   * of another request, IN_FLIGHT while the first is under way, ANSWER_LOST where repeating could do it twice.
   */
  begin(session: Session, request: KeyedRequest): Promise<{ answer: KeptAnswer } | { claim: IdempotencyClaim }>;
}

/** How long a first answer is given again. */
const keptHours = 24;
/** Characters of a body that is kept, so that the registry stays small; of a bigger answer only that it was given. */
const maxKeptBody = 1_000_000;
/**
 * A lease against the time that PostgreSQL may work on one statement: what a dead process had begun has ended before its
 * lease does. It is renewed often enough that three quarters of it are left at any time.
 */
const leaseInStatements = 2;
const renewalsPerLease = 4;
/** Seconds that a repetition waits for a first request that is under way; most last less. */
const patienceSeconds = 1;
/** One statement per process and hour; each removes at most this many rows, so that none lasts long. */
const sweepEveryMs = 3_600_000;
const sweepRows = 5_000;
/** Records that the refusal of a repetition names; a request may have written a thousand. */
const namedRecords = 10;

const otherRequest = (): GuanxiError => new GuanxiError("IDEMPOTENCY_KEY");
const underWay = (): GuanxiError => new GuanxiError("IN_FLIGHT", { retryAfter: patienceSeconds });
const lost = (detail: string): GuanxiError => new GuanxiError("ANSWER_LOST", { detail });

/** Errors after which nothing can have been stored: PostgreSQL said that it refused, or nobody asked it. */
const changedNothing = (e: unknown): boolean =>
  isGuanxiError(e) && (e.status < 500 || (e.code === "UNAVAILABLE" && (!e.cause || isDatabaseError(e.cause))));

export function createIdempotency(store: Store, observe: Observe): Idempotency & { stop(): void } {
  const table = store.registry.idempotency;
  const leaseMs = store.statementTimeoutMs * leaseInStatements;

  async function sweep(): Promise<void> {
    try {
      while ((await table.sweep(keptHours, sweepRows)) === sweepRows);
    } catch (error) {
      observe({ kind: "background_failed", task: "forget idempotency keys", error });
    }
  }
  const sweeping = setInterval(() => void sweep(), sweepEveryMs).unref();

  /** What the caller may do with a key that has been used before. */
  async function resume(
    session: Session,
    key: IdempotencyKey,
    held: Held,
    request: KeyedRequest,
    claim: string,
  ): Promise<KeptAnswer | undefined> {
    if (held.digest !== request.digest) throw otherRequest();
    if (held.status !== undefined) {
      if (held.kept) return { status: held.status, headers: held.headers, body: held.body };
      throw lost(
        "It was carried out. Its answer was not kept, because of its size, of a secret in it, or of a record that was purged since.",
      );
    }
    if (held.leased) throw underWay();
    const written = await recordsOf(session, held.claim);
    if (written.length > 0) throw lost(`It was carried out, perhaps in part: ${written.join(", ")}.`);
    if (!request.traced) throw lost("Whether it was carried out is not known; look before you repeat it.");
    if (!(await table.takeOver(key, held.claim, claim, leaseMs))) throw underWay();
    return undefined;
  }

  function hold(key: IdempotencyKey, id: string): IdempotencyClaim {
    const failed = (error: unknown): void =>
      observe({ kind: "background_failed", task: "keep an idempotent answer", tenant: key.tenant, error });
    const renewing = setInterval(
      () => void table.renew(key, id, leaseMs).catch(failed),
      leaseMs / renewalsPerLease,
    ).unref();
    return {
      id,
      async keep(answer) {
        clearInterval(renewing);
        const fits = answer !== undefined && (answer.body?.length ?? 0) <= maxKeptBody;
        // The request is done and has its answer; that a repetition will not have it is no reason to withhold it.
        await table.finish(key, id, fits ? answer : undefined).catch(failed);
      },
      async abandon(error) {
        clearInterval(renewing);
        // Where something may have been stored, the key stays taken until the lease ends and the changes tell.
        if (changedNothing(error)) await table.release(key, id).catch(failed);
      },
    };
  }

  return {
    async begin(session, request) {
      const key = { tenant: session.tenant.id, user: session.actor.user, key: request.key };
      const claim = newId();
      const held = await table.take(key, claim, request.digest, leaseMs, keptHours);
      const answer = held && (await resume(session, key, held, request, claim));
      return answer ? { answer } : { claim: hold(key, claim) };
    },
    stop: () => clearInterval(sweeping),
  };

  /** Addresses of some records that a request changed. */
  async function recordsOf(session: Session, claim: string): Promise<string[]> {
    const rows = await store.sql<{ object_id: number; record: string }>(
      `SELECT DISTINCT object_id, record FROM ${quote(session.tenant.schema)}._change
       WHERE cause ? 'claim' AND cause ->> 'claim' = $1 LIMIT ${namedRecords}`,
      [claim],
    );
    return rows.map((r) => `/api/${session.snapshot.byId.get(r.object_id)?.plural ?? r.object_id}/${r.record}`);
  }
}
