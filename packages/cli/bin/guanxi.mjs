#!/usr/bin/env node
// The `guanxi` command: runs on the installed Node.js whichever one started this file.
import { join } from "node:path";
import { become, root, serverFlags } from "../../../scripts/runtime.mjs";

const words = process.argv.slice(2);
const main = join(root, "packages/cli/src/main.ts");
/** Types are removed once per version of a file and not at each call: the command is there in a quarter of the time. */
const cache = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules/.cache/guanxi") };

if (words[0] === "serve" || words[0] === "worker") become([...serverFlags, main, ...words]);
else become([main, ...words], cache);
