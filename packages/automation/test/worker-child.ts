/** A worker process of its own, to be killed: `node worker-child.ts <database>`; says `ready`, ends cleanly on SIGTERM. */
import { createNode } from "./support.ts";

const node = await createNode(process.argv[2] ?? "");
await node.startWorker();
process.once("SIGTERM", () => void node.close().then(() => process.exit(0)));
process.stdout.write("ready\n");
