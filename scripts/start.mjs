// `npm start`: installs what is missing, then runs the server.
import { join } from "node:path";
import { become, ensureInstalled, root } from "./runtime.mjs";

ensureInstalled();
become([join(root, "packages/server/src/main.ts"), ...process.argv.slice(2)]);
