// How a run fails: the errors it can end with, and where in the script they are.

/** Frames of the sandbox itself say nothing to the script's author. */
const ownFrame = /^\s*at .*(?:sandbox:bootstrap|<isolated-vm|node:|\.cjs:).*$/;
/** V8 puts the place of a syntax error at the end of its message. */
const placeInMessage = / \[[^[\]]*:(\d+):(\d+)\]$/;
/** Of a message or a stack that comes from outside the script's own functions, characters. */
const textLimit = 8192;
/** Of a call's arguments in a message, characters. */
const shownArguments = 500;

/**
 * @import { RunError, Call, FinishedCall } from "../types.ts"
 * @import { LimitName } from "../limits.ts"
 * @typedef {{ name: string, message: string, stack?: string, reason?: string, data?: string }} Thrown
 */

class Failure extends Error {
  /** @param {RunError} error @param {boolean} [stuck] */
  constructor(error, stuck) {
    super(error.message);
    this.error = error;
    this.stuck = stuck;
  }
}

const limitError = (
  /** @type {LimitName} */ name,
  /** @type {number} */ limit,
  /** @type {number} */ used,
  what = "",
) => ({
  code: /** @type {const} */ ("LIMIT"),
  name: "LimitError",
  message: `the limit ${name} was passed: ${used} of ${limit}${what}`,
  limit: { name, limit, used },
});

/** Where in the script, and the stack without our own frames. @param {Thrown} thrown @param {string} filename @returns {RunError} */
function scriptError({ stack = "", ...thrown }, filename) {
  const at = stack.indexOf(`${filename}:`);
  const place = at < 0 ? null : /^(\d+):(\d+)/.exec(stack.slice(at + filename.length + 1, at + filename.length + 24));
  const lines = stack.split("\n").filter((line) => line !== "" && !ownFrame.test(line));
  return {
    code: "SCRIPT",
    ...thrown,
    ...(lines.length > 0 && { stack: lines.join("\n") }),
    ...(place && { line: Number(place[1]), column: Number(place[2]) }),
  };
}

/** An error of the script's top level or syntax, which isolated-vm has copied out. @param {Error} error @param {string} filename @returns {RunError} */
function topLevelError({ name, message, stack = "" }, filename) {
  const place = placeInMessage.exec(message.slice(-textLimit));
  const kept = (place ? message.slice(0, -place[0].length) : message).slice(0, textLimit);
  if (!place) return scriptError({ name, message: kept, stack: stack.slice(0, textLimit) }, filename);
  return { code: "SCRIPT", name, message: kept, line: Number(place[1]), column: Number(place[2]) };
}

/** @param {Call | FinishedCall} call */
const showCall = ({ op, args }) => `${op} ${args.length > shownArguments ? `${args.slice(0, shownArguments)}…` : args}`;

module.exports = { Failure, limitError, scriptError, topLevelError, showCall };
