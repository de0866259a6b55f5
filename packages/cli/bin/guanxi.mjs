#!/usr/bin/env node
// The `guanxi` command: runs on the installed Node.js whichever one started this file.
import { join } from "node:path";
import { become, root, serverFlags } from "../../../scripts/runtime.mjs";

const words = process.argv.slice(2);
const main = join(root, "packages/cli/src/main.ts");
if (words[0] === "serve" || words[0] === "worker") become([...serverFlags, main, ...words]);
else become([main, ...words]);
