// The bootstrap's bytecode. V8 compiles a function when it is first called, so every isolate would compile what every run calls. Instead the bootstrap
// plays a run in this process once, with no foreign code, and its bytecode is taken when all of that has been compiled.

const { constants, createContext, Script } = require("node:vm");

/** The bootstrap in stack traces. */
const bootstrapName = "sandbox:bootstrap";

/**
 * @import { Limits } from "../limits.ts"
 * @typedef {import("isolated-vm").ExternalCopy<ArrayBuffer>} Bytecode
 */

/** @param {typeof import("isolated-vm")} ivm @param {string} bootstrap @param {Limits} limits @returns {Bytecode} */
function rehearse(ivm, bootstrap, limits) {
  const script = new Script(bootstrap, { filename: bootstrapName });
  play(script.runInContext(createContext(constants.DONT_CONTEXTIFY)), limits);
  return new ivm.ExternalCopy(new Uint8Array(script.createCachedData()).buffer);
}

/** A script that does nothing, and one call that is answered and one that is refused. @param {any} inside @param {Limits} limits */
function play({ begin, play, call, deliver, drain }, limits) {
  begin("", 0, JSON.stringify(limits));
  void play({ default: () => {} }, "{}");
  call("", {});
  call("", {}).catch(() => {});
  drain();
  deliver(1, true, "{}", 0);
  deliver(2, false, "{}", 0);
}

module.exports = { bootstrapName, rehearse };
