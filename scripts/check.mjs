// `npm run check`: installs what is missing, then runs every check that needs no test run, side by side and cached by turbo.
import { join } from "node:path";
import { become, ensureInstalled, root } from "./runtime.mjs";

ensureInstalled({ tools: true });
process.chdir(root);
const tasks = ["format", "lint", "types", "imports", "unused", "lockfile"];
become(
  [
    join(root, "node_modules/turbo/bin/turbo"),
    ...["run", ...tasks.map((task) => `//#${task}`)],
    ...["--ui=stream", "--output-logs=errors-only", "--continue=always", ...process.argv.slice(2)],
  ],
  {
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
    // The tools are started by name and must find the installed Node.js, also when this was not started by npm.
    PATH: `${join(root, "node_modules/.bin")}${process.platform === "win32" ? ";" : ":"}${process.env.PATH ?? ""}`,
  },
);
