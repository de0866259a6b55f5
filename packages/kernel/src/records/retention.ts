import { isGuanxiError, type Observe } from "@guanxi/base";
import type { ObjectType } from "@guanxi/meta";
import { type DueRow, dueStatement, forgetNotedStatement, isGone, type LockedRow, lockStatement } from "@guanxi/store";
import { createSweep, type Sweep } from "../sweep.ts";
import type { Session } from "../types.ts";
import { type RecordsEnv, writeContext } from "./context.ts";
import { childrenOf } from "./family.ts";
import { purgeFamily } from "./purge.ts";

/** ms from one tenant to the next: it is one look at a table that is mostly empty. */
const sweepMs = 10_000;
/** Looking for records that were deleted long ago reads whole tables, so that is done no oftener. What is counted in days can wait. */
const lookMs = 3_600_000;
/** Records read at once; each is purged in a transaction of its own. */
const page = 500;
/** Records purged in one visit, so that other tenants have their turn: some seconds of work. The rest follows at the next visit. */
const most = 1_000;
/** Noted records whose changes lose their values in one statement. */
const noted = 1_000;

interface RetentionEnv {
  readonly records: RecordsEnv;
  readonly observe: Observe;
  tenants(): Promise<readonly { readonly id: string }[]>;
  /** The platform's own session for a tenant, on its newest metadata. */
  session(tenant: string): Promise<Session>;
}

export interface Retention {
  /** Purges what the tenant's setting no longer keeps, and takes the values of purged records out of changes that everybody has been told of. */
  tidy(tenant: string): Promise<void>;
  /** Does so for every tenant, one after the other, until it is stopped. */
  startSweep(): Sweep;
}

export function createRetention(env: RetentionEnv): Retention {
  /** When tenants were looked through to the end, by their ids. */
  const looked = new Map<string, number>();

  async function purgeOld(session: Session, days: number): Promise<void> {
    let left = most;
    for (const object of session.snapshot.objects.values()) {
      left -= await purgeDue(env.records, session, object, { days, left });
      if (left <= 0) return;
    }
    looked.set(session.tenant.id, Date.now());
  }

  async function forget({ tenant: { schema } }: Session): Promise<void> {
    const { store } = env.records;
    while ((await store.run(forgetNotedStatement(schema, noted))).length === noted);
  }

  const isDue = (tenant: string): boolean => Date.now() - (looked.get(tenant) ?? -Infinity) >= lookMs;

  const tidy = async (tenant: string, now = true): Promise<void> => {
    const session = await env.session(tenant);
    const days = session.snapshot.settings.purgeDeletedAfterDays ?? 0;
    if (days > 0 && (now || isDue(tenant))) await purgeOld(session, days);
    await forget(session);
  };

  return {
    tidy,
    startSweep: () =>
      createSweep({
        task: "purge sweep",
        list: async () => (await env.tenants()).map(({ id }) => id),
        visit: (tenant) =>
          tidy(tenant, false).catch((error: unknown) => {
            looked.delete(tenant);
            unlessGone(error);
          }),
        intervalMs: sweepMs,
        observe: env.observe,
      }),
  };
}

/** Nothing is left of a tenant that went away meanwhile. */
function unlessGone(error: unknown): void {
  if (!isGuanxiError(error, "NOT_FOUND") && !isGone(error)) throw error;
}

/** → how many. What others need stays until these are purged. */
async function purgeDue(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  { days, left }: { readonly days: number; readonly left: number },
): Promise<number> {
  const { schema } = session.snapshot.settings;
  const needing = childrenOf(session, object, "restrict");
  let purged = 0;
  for (let after: DueRow | undefined; purged < left;) {
    const due = await env.store.run<DueRow>(dueStatement(schema, object, needing, { days, most: page, after }));
    for (const row of due) if (purged < left && (await purgeOne(env, session, object, row, days))) purged++;
    after = due.at(-1);
    if (due.length < page) return purged;
  }
  return purged;
}

const everything = { read: { kind: "all" }, write: { kind: "all" }, references: new Map(), walks: new Map() } as const;

/** In the name of who deleted it. False where it is there no more, or something still needs it. */
async function purgeOne(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  { id, version, by }: DueRow,
  purgeDeletedAfterDays: number,
): Promise<boolean> {
  const actor = { ...session.actor, user: by ?? session.actor.user };
  const cause = { ...session.cause, purgeDeletedAfterDays };
  try {
    return await env.store.transaction(async (connection) => {
      const inside = { ...session, connection, actor, cause };
      const lock = lockStatement(object, everything, writeContext(inside), id, "UPDATE", "deleted");
      const [locked] = await connection.run<LockedRow>(lock);
      // It may have been restored since, and deleted again.
      if (locked?.version !== version) return false;
      await purgeFamily(env, inside, object, id);
      return true;
    });
  } catch (error) {
    if (isGuanxiError(error, "CONFLICT")) return false;
    throw error;
  }
}
