/*
 * Makes the isolate's globals repeatable and takes away what could get around the limits; called by bootstrap.js before the prelude and the script
 * run, with `now()` (ms since 1970 on the run's clock) and `writeLog(level, ...parts)`. What it captures, it captures while everything is native.
 */
// oxlint-disable-next-line no-unused-expressions -- read as text, the value of this expression is what counts
(function lockdown(now, writeLog) {
  "use strict";
  const { apply, construct, ownKeys } = Reflect;
  const { freeze, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, preventExtensions } = Object;
  const { imul } = Math;
  const { charCodeAt } = String.prototype;
  const [NativeDate, NativeArrayBuffer, NativeTypeError] = [Date, ArrayBuffer, TypeError];
  const global = globalThis;

  const hidden = (target, key, value) =>
    defineProperty(target, key, { value, writable: true, configurable: true, enumerable: false });
  const locked = (target, key, value) =>
    defineProperty(target, key, { value, writable: false, configurable: false, enumerable: false });
  const remove = (target, key) => delete target[key];

  /** Takes the place of a native constructor: same prototype, same statics. */
  function replace(name, native, replacement) {
    for (const key of ownKeys(native)) {
      const old = getOwnPropertyDescriptor(replacement, key);
      if (old === undefined || old.configurable)
        defineProperty(replacement, key, getOwnPropertyDescriptor(native, key));
    }
    locked(replacement, "prototype", native.prototype);
    hidden(native.prototype, "constructor", replacement);
    hidden(global, name, replacement);
  }

  // --- time -----------------------------------------------------------------------------------------------------------------------------------

  function fixDate() {
    const { toString } = NativeDate.prototype;
    replace("Date", NativeDate, function Date(...args) {
      if (new.target === undefined) return apply(toString, new NativeDate(now()), []);
      return construct(NativeDate, args.length === 0 ? [now()] : args, new.target);
    });
    hidden(global.Date, "now", () => now());
  }

  function fixDateFormat() {
    const format = Intl.DateTimeFormat.prototype;
    const getFormat = getOwnPropertyDescriptor(format, "format").get;
    const { formatToParts } = format;
    defineProperty(format, "format", {
      get() {
        const bound = apply(getFormat, this, []);
        return (date) => bound(date === undefined ? now() : date);
      },
      configurable: true,
    });
    hidden(format, "formatToParts", function (date) {
      return apply(formatToParts, this, [date === undefined ? now() : date]);
    });
  }

  // --- chance ---------------------------------------------------------------------------------------------------------------------------------

  /** State of sfc32, a small generator that passes the usual tests of randomness. */
  const random = [0, 0, 0, 0];

  function nextRandom() {
    const sum = (random[0] + random[1] + random[3]) | 0;
    random[3] = (random[3] + 1) | 0;
    random[0] = random[1] ^ (random[1] >>> 9);
    random[1] = (random[2] + (random[2] << 3)) | 0;
    random[2] = (((random[2] << 21) | (random[2] >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** The four words are FNV-1a hashes of the text from different offsets. */
  function seedRandom(seed) {
    for (let word = 0; word < 4; word++) {
      let hash = 0x811c9dc5 ^ imul(word, 0x9e3779b9);
      for (let i = 0; i < seed.length; i++) hash = imul(hash ^ apply(charCodeAt, seed, [i]), 0x01000193);
      random[word] = hash | 0;
    }
    for (let i = 0; i < 16; i++) nextRandom();
  }

  /** 53 bits, as many as a number between 0 and 1 can hold. */
  const fixRandom = () =>
    hidden(Math, "random", () => ((nextRandom() >>> 5) * 67108864 + (nextRandom() >>> 6)) / 9007199254740992);

  // --- what is taken away ---------------------------------------------------------------------------------------------------------------------

  function refusal(name) {
    const refuse = function () {
      throw new NativeTypeError("code cannot be made from strings here");
    };
    return defineProperty(refuse, "name", { value: name });
  }

  /** isolated-vm lets V8 make code from strings, so every constructor that does is replaced where it can be found. */
  function closeCodeGeneration() {
    const samples = [function () {}, async function () {}, function* () {}, async function* () {}];
    for (const sample of samples) {
      const prototype = getPrototypeOf(sample);
      const stub = refusal(prototype.constructor.name);
      locked(stub, "prototype", prototype);
      locked(prototype, "constructor", stub);
      if (sample === samples[0]) hidden(global, "Function", stub);
    }
    hidden(global, "eval", refusal("eval"));
  }

  function removeGlobals() {
    const names = [
      "WebAssembly",
      "SharedArrayBuffer",
      "Atomics",
      "WeakRef",
      "FinalizationRegistry",
      "ShadowRealm",
      "gc",
    ];
    for (const name of names) remove(global, name);
    // Buffers that grow later pass by the memory accounting.
    for (const name of ["resize", "transfer", "transferToFixedLength"]) remove(NativeArrayBuffer.prototype, name);
    replace("ArrayBuffer", NativeArrayBuffer, function ArrayBuffer(length) {
      if (new.target === undefined) throw new NativeTypeError("Constructor ArrayBuffer requires 'new'");
      return construct(NativeArrayBuffer, [length], new.target);
    });
    // A formatter of stack frames would be handed the frames of the bridge.
    locked(Error, "prepareStackTrace", undefined);
    locked(Error, "stackTraceLimit", 20);
  }

  function mapConsole() {
    const levels = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error" };
    const console = {};
    for (const key of ownKeys(levels)) console[key] = (...parts) => writeLog(levels[key], ...parts);
    hidden(global, "console", console);
  }

  /**
   * The prelude is ordinary code, so what ordinary code relies on must stay as it is. `Object.prototype` only takes no new properties: frozen, it
   * would forbid `point.toString = …` on every object. `Error.prototype` stays open because scripts set `error.name`.
   */
  function freezeBasics() {
    const iterator = getPrototypeOf([][Symbol.iterator]());
    const basics = [Array, Promise, String, Number, Symbol, Map, Set, WeakMap, Function];
    for (const basic of basics) freeze(freeze(basic).prototype);
    for (const basic of [Object, JSON, Reflect, Math, iterator, getPrototypeOf(iterator)]) freeze(basic);
    freeze(getPrototypeOf(async function () {}));
    preventExtensions(Object.prototype);
  }

  fixDate();
  fixDateFormat();
  fixRandom();
  closeCodeGeneration();
  removeGlobals();
  mapConsole();
  return { seedRandom, freezeBasics };
});
