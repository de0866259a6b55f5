import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const rehearsal = fileURLToPath(new URL("../src/child/rehearsal.cjs", import.meta.url));
const addon = createRequire(import.meta.url).resolve("isolated-vm");

/** Stands for the real one: each of its functions is compiled when it is called. */
const bootstrap = `(() => {
  const play = () => { const text = "played"; return text + text; };
  return { begin: play, play, drain: play, deliver: play, call: async () => play() };
})()`;

const inChild = `
  const ivm = require(${JSON.stringify(addon)});
  const { rehearse } = require(${JSON.stringify(rehearsal)});
  const bootstrap = ${JSON.stringify(bootstrap)};
  const cachedData = rehearse(ivm, bootstrap, {});
  const compile = (text, options) => new ivm.Isolate().compileScriptSync(text, options);
  const unplayed = compile(bootstrap, { produceCachedData: true }).cachedData;
  console.log(JSON.stringify({
    rejected: compile(bootstrap, { cachedData }).cachedDataRejected,
    rejectedByOther: compile(bootstrap + " ", { cachedData }).cachedDataRejected,
    holdsMore: cachedData.copy().byteLength > unplayed.copy().byteLength,
  }));`;

test("isolates take the bytecode, and it holds what the rehearsal called", () => {
  const flags = ["--no-node-snapshot", "--jitless", "--no-warnings"];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "-e", inChild], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({ rejected: false, rejectedByOther: true, holdsMore: true });
});
