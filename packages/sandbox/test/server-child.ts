// A server that is about to die: it starts a script that no timeout stops and says which process runs it.
import { createSandbox, runLimits } from "../src/index.ts";
import { job, prelude, script } from "./support.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const sandbox = createSandbox({
  maxChildren: 2,
  spareChildren: 1,
  runsPerChild: 10,
  rssLimitMb: 1_000,
  prelude,
  observe: (o) => o.kind === "sandbox_started" && say(`child ${o.pid}`),
});
const limits = { ...runLimits, sliceMs: 60_000, cpuMs: 60_000 };
const onCall = async (): Promise<never> => {
  say("running");
  return new Promise(() => {});
};
const stuck = script("crm.call('about to'); await null; const b = 1n << 20000000n; for (let c = b; ; ) c *= b;");
await sandbox.run(job(script("return 1;"), { limits }));
setTimeout(() => say("running"), 300);
await sandbox.run(job(stuck, { limits, onCall }));
