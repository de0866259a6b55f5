// `npm start`: installs what is missing, then runs the server.
import { join } from "node:path";
import { become, ensureInstalled, root, serverFlags } from "./runtime.mjs";

ensureInstalled({ tools: false });
become([...serverFlags, join(root, "packages/server/src/main.ts"), ...process.argv.slice(2)]);
