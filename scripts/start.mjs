// `npm start`: installs what is missing, then runs the server.
import { join } from "node:path";
import { become, ensureInstalled, root } from "./runtime.mjs";

/** MB of V8's young generation; beyond it nothing gets faster, and a process that imports large files gets 100 MB larger. */
const youngGeneration = "--max-semi-space-size=16";

ensureInstalled();
become([youngGeneration, join(root, "packages/server/src/main.ts"), ...process.argv.slice(2)]);
