import { createLog } from "../src/log.ts";

/** Logs a thousand lines and ends at once, in the way that the argument names. */
const { observe } = createLog({ level: "info" });
for (let i = 0; i < 1_000; i++) observe({ kind: "database", message: `line ${i} ${"x".repeat(200)}` });
switch (process.argv[2]) {
  case "exit":
    process.exit(3);
    break;
  case "crash":
    throw new Error("nobody catches this");
  case "reject":
    void Promise.reject(new Error("nobody awaits this"));
}
