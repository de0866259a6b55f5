import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { CallAnswer, FinishedCall, Job, Outcome } from "../src/index.ts";
import { errorOf, job, open, resultOf, script, shortLimits, startedAt } from "./support.ts";

const { sandbox } = open({ maxChildren: 2, childrenForRuns: 2, childrenPerTenant: 2 });
afterAll(() => sandbox.close());

/** What a script does: calls one after the other, at once, or at once and on with the first answer. */
type Plan = { call: number } | { seq: Plan[] } | { par: Plan[] } | { race: Plan[] };

const plans: fc.Arbitrary<Plan> = fc.letrec<{ plan: Plan }>((tie) => ({
  plan: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.record({ call: fc.nat(99) }),
    fc.record({ seq: fc.array(tie("plan"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ par: fc.array(tie("plan"), { minLength: 1, maxLength: 4 }) }),
    fc.record({ race: fc.array(tie("plan"), { minLength: 1, maxLength: 3 }) }),
  ),
})).plan;

const player = `export default async ({ crm, plan }) => {
  const trace = [];
  const play = async (node) => {
    if (node.seq) { let sum = 0; for (const part of node.seq) sum += await play(part); return sum; }
    if (node.par) return (await Promise.all(node.par.map(play))).reduce((a, b) => a + b, 0);
    if (node.race) return Promise.race(node.race.map(play));
    try {
      const value = await crm.call("step", node.call);
      trace.push([node.call, value, Date.now(), Math.random()]);
      return value;
    } catch (error) {
      trace.push([error.name, error.message, Date.now(), Math.random()]);
      return -1;
    }
  };
  return [await play(plan), trace, Math.random(), Date.now()];
}`;

/** Journals answers in an order drawn from `choices`, and interrupts the run when the journal has reached `stopAt`. */
class Host {
  readonly journal: FinishedCall[] = [];
  readonly #choices: readonly number[];
  #open: { call: { id: number; op: string; args: string }; resolve: (answer: CallAnswer) => void }[] = [];
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopAt = Infinity;
  #cancel: AbortController | undefined;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  async activate(plan: Plan, stopAt: number, how: "suspend" | "cancel"): Promise<Outcome> {
    this.#stopAt = stopAt;
    this.#open = [];
    this.#cancel = how === "cancel" ? new AbortController() : undefined;
    const outcome = await sandbox.run(
      job(player, {
        input: JSON.stringify({ plan }),
        history: [...this.journal],
        onCall: (call) => this.#answer(call),
        ...(this.#cancel && { signal: this.#cancel.signal }),
      }),
    );
    clearTimeout(this.#timer);
    return outcome;
  }

  #answer(call: { id: number; op: string; args: string }): Promise<CallAnswer> {
    return new Promise((resolve) => {
      this.#open.push({ call, resolve });
      this.#later();
    });
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), 0);
  }

  #next(): void {
    if (this.journal.length >= this.#stopAt) {
      this.#cancel?.abort();
      if (!this.#cancel) for (const { resolve } of this.#open.splice(0)) resolve("suspend");
      return;
    }
    const draw = this.#choices[this.#drawn++ % this.#choices.length] ?? 0;
    const [picked] = this.#open.splice(draw % this.#open.length, 1);
    if (!picked) return;
    const { id, op, args } = picked.call;
    const at = startedAt + (this.journal.length + 1) * 1_000;
    const failed = draw % 7 === 0;
    const error = JSON.stringify({ name: "Refused", message: `no ${id}` });
    const answer = failed ? ({ ok: false, error, at } as const) : ({ ok: true, value: String(id * 100), at } as const);
    this.journal.push({ call: id, op, args, ...answer });
    picked.resolve(answer);
    if (this.#open.length > 0) this.#later();
  }
}

describe("replay", () => {
  test("however a run is interrupted, it ends as its journal says and does every call once", async () => {
    const draws = fc.array(fc.nat(1_000), { minLength: 5, maxLength: 30 });
    const stops = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom("suspend", "cancel")), {
      maxLength: 3,
    });
    let interrupted = 0;
    await fc.assert(
      fc.asyncProperty(plans, draws, stops, async (plan, choices, interruptions) => {
        const host = new Host(choices);
        let last: Outcome | undefined;
        for (const [further, how] of [...interruptions, [Infinity, "suspend"] as const]) {
          if (last?.status === "done") break;
          if (last) interrupted++;
          last = await host.activate(plan, host.journal.length + further, how);
        }
        if (!last) throw new Error("the run was never activated");
        const result = resultOf(last);
        const ids = host.journal.map((entry) => entry.call);
        expect(new Set(ids).size).toBe(ids.length);
        // The whole journal at once, without a single call reaching the host.
        const onCall: Job["onCall"] = () => Promise.reject(new Error("a finished call was made again"));
        const again = await sandbox.run(
          job(player, { input: JSON.stringify({ plan }), history: host.journal, onCall }),
        );
        if (again.status === "done") expect(resultOf(again)).toEqual(result);
        // Calls that lost a race may be open at the end of an interrupted run; only those may be made again.
        else expect(JSON.stringify(plan)).toContain("race");
      }),
      { numRuns: 60 },
    );
    expect(interrupted).toBeGreaterThan(10);
  });

  const two = script(
    "const a = await crm.call('read', { id: 1 }); const b = await crm.call('write', a); return [a, b];",
  );
  const first: FinishedCall = { call: 1, op: "read", args: '{"id":1}', ok: true, value: '"x"', at: startedAt + 5 };

  test("finished calls answer from the history and never reach the host", async () => {
    const made: string[] = [];
    const onCall: Job["onCall"] = async ({ id, op, args }) => {
      made.push(`${id} ${op} ${args}`);
      return { ok: true, value: "2", at: startedAt };
    };
    expect(resultOf(await sandbox.run(job(two, { history: [first], onCall })))).toEqual(["x", 2]);
    expect(made).toEqual(['2 write "x"']);
  });

  test.each([
    ["another operation", { ...first, op: "find" }, 'call 1 was find {"id":1} and is now read {"id":1}'],
    ["other arguments", { ...first, args: '{"id":2}' }, 'call 1 was read {"id":2} and is now read {"id":1}'],
    [
      "a call that is not made",
      { ...first, call: 3, op: "gone", args: "null" },
      "call 3 was gone null and is now not made",
    ],
  ])("%s is a divergence that shows both, and nothing is done", async (_name, recorded, message) => {
    let made = 0;
    const onCall: Job["onCall"] = async () => {
      made++;
      return { ok: true, value: "1", at: startedAt };
    };
    const error = errorOf(await sandbox.run(job(two, { history: [recorded], onCall })));
    expect(error).toMatchObject({ code: "REPLAY" });
    expect(error.message).toContain(message);
    expect(made).toBe(0);
  });

  test("a script that now ends, throws or waits before its recorded calls diverges", async () => {
    for (const body of ["return 1;", "throw new Error('early');", "await new Promise(() => {});"]) {
      expect(errorOf(await sandbox.run(job(script(body), { history: [first] }))).code).toBe("REPLAY");
    }
  });

  test("a throw between two answers that had both arrived is the script's error, not a divergence", async () => {
    const code = script("const b = crm.call('b'); await crm.call('a'); throw new Error('on purpose ' + typeof b);");
    const history: FinishedCall[] = [
      { call: 2, op: "a", args: "null", ok: true, value: "1", at: startedAt },
      { call: 1, op: "b", args: "null", ok: true, value: "1", at: startedAt },
    ];
    expect(errorOf(await sandbox.run(job(code, { history })))).toMatchObject({
      code: "SCRIPT",
      message: "on purpose object",
    });
  });

  test("repeated slices cost no CPU time of the run, new ones do", async () => {
    const code = script("for (let n = 0; n < 6; n++) { for (let i = 0; i < 1.5e6; i++); await crm.call('a', n); }");
    const journal: FinishedCall[] = [];
    const onCall: Job["onCall"] = async ({ id, op, args }) => {
      const answer = { ok: true, value: "1", at: startedAt } as const;
      journal.push({ call: id, op, args, ...answer });
      return answer;
    };
    const whole = await sandbox.run(job(code, { onCall, limits: { ...shortLimits, cpuMs: 10_000 } }));
    const spent = whole.status === "done" ? whole.cost.cpuMs : 0;
    expect(spent).toBeGreaterThan(20);
    const again = await sandbox.run(job(code, { history: journal, limits: { ...shortLimits, cpuMs: spent / 2 } }));
    expect(again).toMatchObject({ status: "done", cost: { calls: 6 } });
    expect(again.status === "done" && again.cost.cpuMs).toBeLessThan(spent / 2);
  });

  test("two thousand recorded calls are repeated", async () => {
    const history = Array.from({ length: 2_000 }, (_, i): FinishedCall => ({
      call: i + 1,
      op: "a",
      args: String(i),
      ok: true,
      value: "1",
      at: startedAt + i,
    }));
    const code = script("let sum = 0; for (let i = 0; i < 2000; i++) sum += await crm.call('a', i); return sum;");
    expect(resultOf(await sandbox.run(job(code, { history })))).toBe(2_000);
  });
});

describe("suspension", () => {
  const later = async (): Promise<CallAnswer> => "suspend";

  test("a run that only waits for late answers gives its process back and says for which", async () => {
    const code = script("return Promise.all([crm.call('approve', 1), crm.call('sleep', 2)]);");
    expect(await sandbox.run(job(code, { onCall: later }))).toMatchObject({
      status: "suspended",
      waiting: [1, 2],
      cost: { calls: 2 },
    });
    expect(sandbox.stats().busy).toBe(0);
  });

  test("quick answers are worked off before it suspends", async () => {
    const code = script("const a = crm.call('approve'); await crm.call('quick'); crm.log('between'); return a;");
    const onCall: Job["onCall"] = async ({ op }) =>
      op === "approve" ? "suspend" : { ok: true, value: "1", at: startedAt };
    const outcome = await sandbox.run(job(code, { onCall }));
    expect(outcome).toMatchObject({ status: "suspended", waiting: [1], log: [{ text: "between" }] });
  });

  test("a script that has returned does not wait for late answers, but for quick ones", async () => {
    const finished: string[] = [];
    const onCall: Job["onCall"] = async ({ op }) => {
      if (op === "late") return "suspend";
      await new Promise((resolve) => setTimeout(resolve, 20));
      finished.push(op);
      return { ok: true, value: "1", at: startedAt };
    };
    const code = script("crm.call('late'); crm.call('quick').then(() => crm.call('after')); return 'returned';");
    expect(resultOf(await sandbox.run(job(code, { onCall })))).toBe("returned");
    expect(finished).toEqual(["quick", "after"]);
  });

  test("a call that fails after the script has returned is not silent", async () => {
    const error = JSON.stringify({ name: "Refused", message: "not allowed" });
    const onCall: Job["onCall"] = async () => ({ ok: false, error, at: startedAt });
    const outcome = await sandbox.run(job(script("crm.call('write'); return 1;"), { onCall }));
    expect(outcome).toMatchObject({
      status: "done",
      log: [{ level: "warn", text: "call 1 (write) failed after the script had ended: not allowed" }],
    });
  });
});
