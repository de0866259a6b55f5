// The load generator, a process of its own: reads one plan as JSON from standard input, writes what it saw to standard output.
import { Agent, request } from "node:http";
import { json } from "node:stream/consumers";
import autocannon from "autocannon";

/** A request with gaps: `{pick}` stands for one of `picks` by chance, `{n}` for a number that is used once. */
interface Asked {
  readonly base: string;
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly body?: string;
  readonly key?: string;
  readonly picks?: readonly string[];
}

export interface LoadPlan extends Asked {
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** ms; whole ones, as the generator counts them. */
  readonly p50: number;
  readonly p99: number;
}

export interface LatencyPlan extends Asked {
  /** Requests, one after the other. */
  readonly count: number;
  /** ms of rest between two. */
  readonly pauseMs?: number;
}

export interface Latencies {
  /** ms. */
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Numbers of this process; no two processes of one bench share any, since none makes a million. */
let n = (Date.now() % 1_000_000_000) * 1_000_000;

function fill(text: string, picks: readonly string[] | undefined): string {
  const picked =
    picks === undefined ? text : text.replace("{pick}", picks[Math.floor(Math.random() * picks.length)] ?? "");
  return picked.includes("{n}") ? picked.replaceAll("{n}", String(++n)) : picked;
}

const headersOf = ({ key, body }: Asked): Record<string, string> => ({
  ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  ...(body === undefined ? {} : { "content-type": "application/json" }),
});

async function load(plan: LoadPlan): Promise<LoadResult> {
  const { body, picks } = plan;
  const result = await autocannon({
    url: plan.base,
    connections: plan.connections,
    duration: plan.seconds,
    timeout: 30,
    requests: [
      {
        method: plan.method,
        headers: headersOf(plan),
        setupRequest: (asked) => ({
          ...asked,
          path: fill(plan.path, picks),
          ...(body === undefined ? {} : { body: fill(body, picks) }),
        }),
      },
    ],
  });
  if (result.non2xx + result.errors > 0 || result["2xx"] === 0) {
    throw new Error(
      `${plan.method} ${plan.path}: ${result["2xx"]} good answers, ${result.non2xx} bad ones, ${result.errors} errors: ${await sample(plan)}`,
    );
  }
  return { perSecond: result["2xx"] / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Sends one request over the kept connection; → ms until its whole answer was there. */
function once(plan: Asked): Promise<{ ms: number; status: number; text: string }> {
  return new Promise((done, fail) => {
    const started = performance.now();
    const sent = request(
      new URL(fill(plan.path, plan.picks), plan.base),
      { method: plan.method, agent, headers: headersOf(plan) },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => (text += part));
        answer.on("end", () => done({ ms: performance.now() - started, status: answer.statusCode ?? 0, text }));
      },
    );
    sent.on("error", fail);
    sent.end(plan.body === undefined ? undefined : fill(plan.body, plan.picks));
  });
}

async function sample(plan: Asked): Promise<string> {
  const { status, text } = await once(plan);
  return `${status} ${text.slice(0, 500)}`;
}

async function latency(plan: LatencyPlan): Promise<Latencies> {
  const times: number[] = [];
  for (let i = 0; i < plan.count; i++) {
    const { ms, status, text } = await once(plan);
    if (status >= 300) throw new Error(`${plan.method} ${plan.path}: ${status} ${text.slice(0, 500)}`);
    times.push(ms);
    if (plan.pauseMs !== undefined) await new Promise((resume) => setTimeout(resume, plan.pauseMs));
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

const plan = (await json(process.stdin)) as ({ mode: "load" } & LoadPlan) | ({ mode: "latency" } & LatencyPlan);
process.stdout.write(JSON.stringify(await (plan.mode === "load" ? load(plan) : latency(plan))));
agent.destroy();
