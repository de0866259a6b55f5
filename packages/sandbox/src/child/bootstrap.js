/*
 * Runs first in every isolate, before the prelude and the script, and is called with lockdown.js and the prelude:
 *
 *   prelude(host) → run;  run(main, input) → the result, or a promise of it
 *   host.call(op, args) → promise of the answer     host.log(level, ...parts)     host.now() → ms since 1970
 *
 * The prelude is called when the isolate is made, which may be before its run is known: time, chance and calls are there once `run` is called.
 * `main` is the script's default export and `input` the job's input. What the prelude throws or rejects with is the run's error.
 *
 * Nothing of the host is in here: not even a callback. Calls and log lines collect in an outbox, and the host takes it as one JSON text after each
 * slice. So the script can break only its own run. To keep it from breaking that by accident, everything this file uses later is captured first,
 * and nothing is looked up on an object that the script can reach.
 */
// oxlint-disable-next-line no-unused-expressions -- read as text, the value of this expression is what counts
(function bootstrap(lockdown, prelude) {
  "use strict";
  const { apply } = Reflect;
  const { parse, stringify } = JSON;
  const { create, defineProperty } = Object;
  const { max } = Math;
  const { isError } = Error;
  const { slice, toWellFormed, charCodeAt } = String.prototype;
  const [NativePromise, NativeError, NativeTypeError, toText] = [Promise, Error, TypeError, String];

  /** Of one error or log line, in UTF-16 units. */
  const textLimit = 8192;
  function cut(text, limit) {
    const kept = text.length > limit ? `${apply(slice, text, [0, limit])}… (${text.length - limit} more)` : text;
    return apply(toWellFormed, kept, []);
  }

  let clock = 0;
  let limits;
  let total = 0;
  /** Calls that wait, and the length of their arguments. */
  let open = 0;
  let size = 0;
  let lines = 0;
  /** undefined while the script runs. */
  let end;
  let calls = [];
  let log = [];
  const pending = create(null);

  // --- the outbox -----------------------------------------------------------------------------------------------------------------------------

  /** Catching the error does not help the script: the end stays. */
  function breach(name, limit, used) {
    if (end?.limit === undefined) end = { ok: false, limit: { name, limit, used } };
    throw new NativeError(`limit ${name} passed: ${used} of ${limit}`);
  }

  function call(op, args) {
    if (typeof op !== "string") throw new NativeTypeError("the name of a call must be a string");
    const text = stringify(args) ?? "null";
    if (size + text.length > limits.argumentBytes) breach("argumentBytes", limits.argumentBytes, size + text.length);
    if (total >= limits.calls) breach("calls", limits.calls, total + 1);
    if (open >= limits.concurrentCalls) breach("concurrentCalls", limits.concurrentCalls, open + 1);
    total++;
    open++;
    size += text.length;
    const id = total;
    // A failed answer points at the line that made the call, not at the machinery that delivers it.
    const site = new NativeError();
    calls[calls.length] = { id, op, args: text };
    return new NativePromise((resolve, reject) => {
      pending[id] = { op, length: text.length, site, resolve, reject };
    });
  }

  function part(value) {
    if (typeof value === "string") return value;
    if (isError(value)) return `${value.name}: ${value.message}`;
    try {
      return (typeof value === "object" && stringify(value)) || toText(value);
    } catch {
      return "(cannot be shown)";
    }
  }

  function writeLog(level, ...parts) {
    if (lines >= limits.logLines) breach("logLines", limits.logLines, lines + 1);
    lines++;
    let text = "";
    for (let i = 0; i < parts.length; i++) text += (i === 0 ? "" : " ") + part(parts[i]);
    log[log.length] = { level, text: cut(text, limits.logLineLength), at: clock };
  }

  // --- the end --------------------------------------------------------------------------------------------------------------------------------

  function read(thrown, key) {
    try {
      const value = thrown[key];
      return typeof value === "string" ? cut(value, textLimit) : undefined;
    } catch {
      return undefined;
    }
  }

  function readData(thrown) {
    try {
      const text = thrown.data === undefined ? undefined : stringify(thrown.data);
      return text !== undefined && text.length <= textLimit ? text : undefined;
    } catch {
      return undefined;
    }
  }

  function describe(thrown) {
    if ((typeof thrown !== "object" && typeof thrown !== "function") || thrown === null)
      return { name: "Thrown", message: cut(toText(thrown), textLimit) };
    return {
      name: read(thrown, "name") ?? "Error",
      message: read(thrown, "message") ?? "",
      stack: read(thrown, "stack"),
      reason: read(thrown, "code"),
      data: readData(thrown),
    };
  }

  function fail(thrown) {
    const error = describe(thrown);
    end ??= { ok: false, error };
  }

  async function play(module, input) {
    try {
      const main = module.default;
      if (typeof main !== "function") throw new NativeTypeError("the default export of a script must be a function");
      const result = stringify(await run(main, parse(input))) ?? "null";
      if (result.length > limits.resultBytes) breach("resultBytes", limits.resultBytes, result.length);
      end ??= { ok: true, result };
    } catch (error) {
      fail(error);
    }
  }

  /** The error of a failed answer, as the script sees it. */
  function failure({ name, message, code, data }, site) {
    const error = new NativeError(message);
    const text = site.stack;
    let frames = 0;
    while (frames < text.length && apply(charCodeAt, text, [frames]) !== 10) frames++;
    const set = (key, value) =>
      defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
    set("name", name);
    set("stack", `${name}: ${message}${apply(slice, text, [frames])}`);
    if (code !== undefined) set("code", code);
    if (data !== undefined) set("data", data);
    return error;
  }

  function deliver(id, ok, text, at) {
    const { op, length, site, resolve, reject } = pending[id];
    delete pending[id];
    open--;
    size -= length;
    clock = max(clock, at);
    try {
      const value = parse(text);
      if (ok) return resolve(value);
      const error = failure(value, site);
      if (end?.ok && lines < limits.logLines)
        writeLog("warn", `call ${id} (${op}) failed after the script had ended: ${error.message}`);
      reject(error);
    } catch {
      reject(new NativeError(`the answer to call ${id} (${op}) cannot be read`));
    }
  }

  function drain() {
    const out = stringify({ calls, log, end });
    calls = [];
    log = [];
    return out;
  }

  // --- what the host enters -------------------------------------------------------------------------------------------------------------------

  const now = () => clock;
  const { seedRandom, freezeBasics } = lockdown(now, writeLog);
  const run = prelude({ call, log: writeLog, now });
  freezeBasics();

  function begin(seed, startedAt, limitsJson) {
    clock = startedAt;
    limits = parse(limitsJson);
    seedRandom(seed);
  }

  // `call` is for the rehearsal alone: a run's calls come from its script.
  return { begin, play, deliver, drain, call };
});
