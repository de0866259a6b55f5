import type { CallAnswer, FinishedAnswer } from "@guanxi/sandbox";
import type { Connection } from "@guanxi/store";
import { hot } from "../sql.ts";
import type { ClaimedRun } from "./claim.ts";
import { RunLost } from "./run.ts";

/** A finished call on its way into the journal. */
export interface Entry {
  readonly run: string;
  readonly call: number;
  readonly seq: number;
  readonly op: string;
  readonly args: string;
  readonly ok: boolean;
  readonly value: string;
  /** ms since 1970. */
  readonly at: number;
}

/** A call as it came from the script. */
export interface Asked {
  readonly id: number;
  readonly op: string;
  readonly args: string;
}

export type Answer = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly error: string };

/** Columns of entries that travel as JSON. */
const entryColumns = "(run uuid, call int, seq int, op text, args text, ok boolean, value text, at bigint)";

/**
 * The journal of one activation. Answers are numbered and given one after the other, in the order that a replay will give them again. An answer
 * that changed nothing stays here until the next effect takes it along: if it is lost before, nothing that followed from it has happened.
 */
export function createJournal(run: ClaimedRun, schema: string) {
  let seq = run.history.length;
  let last = Math.max(run.startedAt, ...run.history.slice(-1).map((entry) => entry.at));
  let turn: Promise<unknown> = Promise.resolve();
  let kept: Entry[] = [];

  function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  function enter({ id, op, args }: Asked, answer: Answer): Entry {
    last = Math.max(last, Date.now());
    return {
      run: run.id,
      call: id,
      seq: ++seq,
      op,
      args,
      ok: answer.ok,
      value: answer.ok ? answer.value : answer.error,
      at: last,
    };
  }

  const finished = (answer: Answer, entry: Entry): FinishedAnswer => ({ ...answer, at: entry.at });

  /** Answers a call that had no effect. */
  const keep = (call: Asked, answer: Answer): Promise<CallAnswer> =>
    inTurn(() => {
      const entry = enter(call, answer);
      kept.push(entry);
      return finished(answer, entry);
    });

  /** Runs `work`, which does the effect on a transaction and calls `record` on it last. `work` resolves to the answer; a refused one wrote nothing. */
  const effect = (
    call: Asked,
    work: (record: (tx: Connection, answer: Answer) => Promise<void>) => Promise<Answer>,
  ): Promise<CallAnswer> =>
    inTurn(async () => {
      let written: Entry | undefined;
      const answer = await work(async (tx, given) => {
        written = enter(call, given);
        await write(tx, [...kept, written]);
      });
      if (answer.ok && written) {
        kept = [];
        return finished(answer, written);
      }
      const entry = enter(call, answer);
      kept.push(entry);
      return finished(answer, entry);
    });

  async function write(tx: Connection, entries: readonly Entry[]): Promise<void> {
    const rows = await hot<{ call: number }>(
      tx,
      "journal",
      // The share lock holds off whoever would take the run over until this transaction has ended.
      `WITH held AS (SELECT FROM ${schema}._run WHERE id = $1::uuid AND attempt = $2::int AND status = 'running' FOR SHARE)
       INSERT INTO ${schema}._journal (run, call, seq, op, args, ok, value, at)
       SELECT run, call, seq, op, args, ok, value, at FROM held, json_to_recordset($3::json) AS e ${entryColumns}
       ON CONFLICT (run, call) DO NOTHING RETURNING call`,
      [run.id, run.attempt, JSON.stringify(entries)],
    );
    if (rows.length < entries.length) throw new RunLost(run.id);
  }

  return { keep, effect, kept: (): readonly Entry[] => kept };
}

/** SQL that writes `entries`, an SQL expression of a JSON array, for runs in the CTE `held`. */
export const insertEntries = (schema: string, entries: string): string =>
  `INSERT INTO ${schema}._journal (run, call, seq, op, args, ok, value, at)
   SELECT e.run, e.call, e.seq, e.op, e.args, e.ok, e.value, e.at FROM json_to_recordset(${entries}) AS e ${entryColumns}
   JOIN held ON held.id = e.run ON CONFLICT (run, call) DO NOTHING`;
