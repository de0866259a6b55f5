// The process that foreign code runs in. It has no environment, no files, no connections; it knows only the parent, and does one run at a time.

import { constants } from "node:os";
import { makeIsolate } from "./isolate.mjs";
import { startRun } from "./run.mjs";

/**
 * @import { ToChild, FromChild } from "../protocol.ts"
 * @import { Handed } from "./run.mjs"
 */

// The process group may get these while the server drains; the parent decides when a child ends.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {});
// SIGKILL, because an ordinary exit waits for isolates that may never stop.
const die = () => process.kill(process.pid, "SIGKILL");
process.on("disconnect", die);

/** @type {import("./isolate.mjs").Environment | undefined} */
let environment;
/** Made while the child is idle, so that a run need not wait for it. @type {ReturnType<typeof makeIsolate> | undefined} */
let spare;
/** The run in progress. @type {number | undefined} */
let current;
/** @type {Handed[]} */
let handed = [];
/** @type {((next: Handed) => void) | undefined} */
let waiter;

const send = (/** @type {FromChild} */ message) => void process.send?.(message);

/** @param {Extract<ToChild, { type: "init" }>} init */
function open({ addon, bootstrap, identity, rssLimitMb, usualMemoryMb }) {
  const module = { exports: /** @type {any} */ ({}) };
  process.dlopen(module, addon, constants.dlopen.RTLD_NOW);
  // After the addon is loaded, because the tree may be readable by root alone.
  if (identity !== undefined) {
    process.setgroups?.([]);
    process.setgid?.(identity.gid);
    process.setuid?.(identity.uid);
  }
  environment = { ivm: module.exports.ivm, bootstrap, rssLimitMb };
  spare = makeIsolate(environment, usualMemoryMb);
  send({ type: "ready" });
}

/** @param {import("./isolate.mjs").Environment} given @param {number} memoryMb */
function takeIsolate(given, memoryMb) {
  const made = spare;
  spare = undefined;
  if (made?.memoryMb === memoryMb) return made;
  made?.isolate.dispose();
  return makeIsolate(given, memoryMb);
}

/** @param {Handed} next */
function hand(next) {
  if (waiter === undefined) return void handed.push(next);
  const wake = waiter;
  waiter = undefined;
  wake(next);
}

const take = () =>
  new Promise((/** @type {(next: Handed) => void} */ resolve) => {
    const next = handed.shift();
    if (next !== undefined) resolve(next);
    else waiter = resolve;
  });

/** @param {Extract<ToChild, { type: "run" }>} request */
async function run(request) {
  if (environment === undefined) throw new Error("a run came before the prelude");
  current = request.run;
  handed = [];
  const line = {
    take,
    send: (/** @type {object} */ message) => send(/** @type {FromChild} */ ({ run: request.run, ...message })),
  };
  const { memoryMb } = request.limits;
  await startRun(environment, takeIsolate(environment, memoryMb), request, line);
  current = undefined;
  spare = makeIsolate(environment, memoryMb);
}

process.on("message", (/** @type {ToChild} */ message) => {
  if (message.type === "init") return open(message);
  if (message.type === "run") return void run(message);
  if (message.run !== current) return;
  hand(message.type === "drop" ? "drop" : message);
});
