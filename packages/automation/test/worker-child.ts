/** A worker process of its own, to be killed: `node worker-child.ts <database>`; says `ready`, ends cleanly on SIGTERM. */
import { createNode } from "./support.ts";

const node = await createNode(process.argv[2] ?? "");
await node.startWorker();
process.once("SIGTERM", () => void node.close().then(() => { console.error("closed", JSON.stringify(node.observed.slice(-8), (_, v) => v instanceof Error ? v.stack : v)); process.exit(0)}));
process.stdout.write("ready\n");
