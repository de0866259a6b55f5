// `npm test`: installs what is missing, then runs the tests; arguments go to vitest, such as a path to run only some.
// `--long` runs the slow suites in test/long instead.
import { join } from "node:path";
import { become, ensureInstalled, root } from "./runtime.mjs";

ensureInstalled({ tools: true });
process.chdir(root);
const args = process.argv.slice(2);
const long = args.includes("--long");
become(
  [join(root, "node_modules/vitest/vitest.mjs"), "run", ...args.filter((arg) => arg !== "--long")],
  long ? { GUANXI_TEST_LONG: "1" } : {},
);
