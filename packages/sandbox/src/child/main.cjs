// The process that foreign code runs in. It has no environment, no files, no connections; it knows only the parent, and does one run at a time.
// These files are CommonJS, because the loader of ES modules would take a fifth of the time in which a process starts.

const { loadAddon, obeyParent } = require("./addon.cjs");
const { makeIsolate } = require("./isolate.cjs");
const { rehearse } = require("./rehearsal.cjs");
const { startRun } = require("./run.cjs");

/**
 * @import { ToChild, FromChild } from "../protocol.ts"
 * @import { Handed } from "./run.cjs"
 */

obeyParent();

/** @type {import("./isolate.cjs").Environment | undefined} */
let environment;
/** Made while the child is idle, so that a run need not wait for it. @type {ReturnType<typeof makeIsolate> | undefined} */
let spare;
/**
 * Between the end of a run and the making of the next isolate, ms. The system tends to wake the parent on the processor where the message about the end
 * came from; without a pause it would stay asleep there until the isolate is made.
 */
const pauseMs = 0.1;
const pause = new Int32Array(new SharedArrayBuffer(4));
/** The run in progress. @type {number | undefined} */
let current;
/** @type {Handed[]} */
let handed = [];
/** @type {((next: Handed) => void) | undefined} */
let waiter;

const send = (/** @type {FromChild} */ message) => void process.send?.(message);

/** @param {Extract<ToChild, { type: "init" }>} init */
function open({ addon, bootstrap, identity, rssLimitMb, limits }) {
  const ivm = loadAddon(addon, identity);
  environment = { ivm, bootstrap, bytecode: rehearse(ivm, bootstrap, limits), rssLimitMb };
  spare = makeIsolate(environment, limits.memoryMb);
  send({ type: "ready" });
}

/** @param {import("./isolate.cjs").Environment} given @param {number} memoryMb */
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
  Atomics.wait(pause, 0, 0, pauseMs);
  spare = makeIsolate(environment, memoryMb);
}

process.on("message", (/** @type {ToChild} */ message) => {
  if (message.type === "init") return open(message);
  if (message.type === "run") return void run(message);
  if (message.run !== current) return;
  hand(message.type === "drop" ? "drop" : message);
});
