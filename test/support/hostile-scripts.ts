/** What a run must come to. `limits`: it failed because it passed one of these; which comes first depends on the machine. */
export type Ending = { readonly limits: readonly string[] } | { readonly error: RegExp } | { readonly result: unknown };

/** Unchecked: what the sandbox does with them must not depend on what a compiler thinks of them. */
export const script = (body: string): string => `// @ts-nocheck
export default async ({ record, crm }) => {\n${body}\n};`;

/** Every way from a value of the language or of ours to code out of a text, and every name that would be the host's. */
const roads = script(`
  const found = [];
  const code = 'return 42';
  const thrown = (f) => { try { f(); } catch (e) { return e; } };
  const endless = () => endless() + 1;
  const refusal = await crm.records('nothing').get('nothing').catch((e) => e);
  const answer = crm.records('lead').get(record.id);
  const values = {
    'a function': function () {}, 'an arrow': () => {}, 'an async function': async () => {}, 'a generator': function* () {},
    'an async generator': async function* () {}, 'a class': class {}, 'a bound function': (() => {}).bind(null),
    'a native function': [].map, 'a method of ours': crm.records, 'the log': crm.log, 'our object': crm.records('lead').get,
    'a getter': Object.getOwnPropertyDescriptor(Map.prototype, 'size').get, 'a proxy': new Proxy(() => {}, {}),
  };
  for (const [name, value] of Object.entries(values)) {
    for (const where of [value, Object.getPrototypeOf(value)]) {
      try {
        const made = where.constructor(code)();
        const got = made?.next ? (await made.next()).value : await made;
        if (got === 42) found.push('constructor of ' + name);
      } catch {}
    }
  }
  const objects = {
    'crm': crm, 'the record': record, 'a promise of ours': answer, 'an answer of ours': await answer, 'a refusal': refusal,
    'a TypeError': thrown(() => null.x), 'a RangeError': thrown(endless), 'a regular expression': /x/, 'a symbol': Symbol.iterator,
    'a date': new Date(), 'a list format': Intl.DateTimeFormat(), 'the arguments': (function () { return arguments; })(),
  };
  for (const [name, value] of Object.entries(objects)) {
    try {
      if (value.constructor.constructor(code)() === 42) found.push('constructor of the constructor of ' + name);
    } catch {}
  }
  const more = {
    Function: () => Function(code)(), 'new Function': () => new Function(code)(), eval: () => eval('42'), 'indirect eval': () => (0, eval)('42'),
    'Reflect.construct': () => Reflect.construct(Function, [code])(), 'Function.prototype': () => Function.prototype.constructor(code)(),
    'a species': () => { class A extends Array { static get [Symbol.species]() { return Function; } } return new A(1).map(() => 0)(); },
    'toString': () => (0, (() => {}).toString.constructor)(code)(),
    'setTimeout': () => { setTimeout('globalThis.reached = 42'); return globalThis.reached; },
    'the stack frames': () => {
      Error.prepareStackTrace = (_, frames) => frames;
      const frames = new Error().stack;
      for (const frame of Array.isArray(frames) ? frames : []) {
        for (const host of [frame.getThis?.(), frame.getFunction?.()]) if (host?.constructor?.constructor?.(code)() === 42) return 42;
      }
    },
  };
  for (const [name, road] of Object.entries(more)) {
    try {
      if (road() === 42) found.push(name);
    } catch {}
  }
  for (const name of ['process', 'require', 'module', 'exports', '__dirname', 'global', 'Buffer', 'fetch', 'XMLHttpRequest', 'WebSocket', 'Deno',
    'WebAssembly', 'SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry', 'queueMicrotask', 'setImmediate', 'ivm', '_ivm', '$0']) {
    if (name in globalThis) found.push(name);
  }
  return found;`);

/** Tries to turn every prototype against whoever touches one, works through them, and tells what code it could reach. */
const pollution = script(`
  const caught = [];
  const attempt = (f) => { try { f(); } catch {} };
  const names = ['polluted', 'then', 'type', 'status', 'ok', 'error', 'value', 'id', 'op', 'call', 'run', 'args', 'history', 'log', 'limits', 'get', 'set', 'toJSON'];
  for (const prototype of [Object.prototype, Object.getPrototypeOf(crm), Object.getPrototypeOf(record), Object.getPrototypeOf(crm.log)]) {
    for (const name of names) attempt(() => Object.defineProperty(prototype, name, { configurable: true, get() {}, set(value) { caught[caught.length] = value; } }));
    attempt(() => { prototype[Symbol.iterator] = function* () {}; });
  }
  for (const name of ['push', 'map', 'join', 'shift', 'slice', 'concat']) {
    const real = Array.prototype[name];
    attempt(() => { Array.prototype[name] = function (...args) { caught[caught.length] = this; return real.apply(this, args); }; });
  }
  attempt(() => { JSON.parse = (text) => { caught[caught.length] = text; return {}; }; });
  attempt(() => { globalThis.JSON = { parse: () => ({}), stringify: () => '{"type":"end"}' }; });
  attempt(() => { globalThis.Promise = class extends Promise { constructor(f) { super(f); caught[caught.length] = f; } }; });
  attempt(() => { Promise.prototype.then = new Proxy(Promise.prototype.then, { apply: (then, self, args) => { caught[caught.length] = self; return Reflect.apply(then, self, args); } }); });
  attempt(() => Object.setPrototypeOf(crm, new Proxy({}, { get: (_, name) => { caught[caught.length] = name; } })));
  for (const key of Object.keys(crm)) attempt(() => { crm[key] = () => 'mine'; });
  const made = await crm.records('task').create({ title: 'made by a polluter' });
  const reached = [typeof made.id];
  for (const value of caught) {
    try { if (value.constructor.constructor('return 42')() === 42) reached.push(typeof value); } catch {}
  }
  return reached;`);

/** By name: what a tenant may try, and how it must end. */
export const hostileScripts: Readonly<Record<string, readonly [code: string, ending: Ending]>> = {
  "an endless loop": [script("for (;;);"), { limits: ["sliceMs"] }],
  "an endless loop after an await": [
    script("await crm.records('lead').get(record.id); for (;;);"),
    { limits: ["sliceMs"] },
  ],
  "a thrown object with a looping getter": [script("throw { get message() { for (;;); } };"), { limits: ["sliceMs"] }],
  "a set that grows": [
    script("const s = new Set(); for (let i = 0; ; i++) s.add(i);"),
    { limits: ["memoryMb", "sliceMs"] },
  ],
  "big products": [script("let b = 1n << 20000000n; for (;;) b *= b;"), { limits: ["sliceMs", "memoryMb"] }],
  "a huge split": [script("return 'x'.padEnd(2 ** 28).split('');"), { limits: ["memoryMb", "sliceMs"] }],
  "a flood of calls at once": [script("for (;;) crm.records('lead').get(record.id);"), { limits: ["concurrentCalls"] }],
  "a flood of calls one by one": [
    script("for (;;) await crm.records('lead').get(record.id);"),
    { limits: ["calls", "cpuMs", "rowsRead"] },
  ],
  "a flood of log lines": [script("for (;;) crm.log('x'.repeat(1000));"), { limits: ["logLines"] }],
  "a result of 200 MB": [
    script("return 'x'.repeat(2e8);"),
    { limits: ["resultBytes", "memoryMb", "sliceMs", "cpuMs"] },
  ],
  "a promise that never comes": [
    script("await new Promise(() => {});"),
    { error: /waits for something that never comes/ },
  ],
  "a regular expression that backtracks": [
    script("return /^(a+)+\\1$/.test('a'.repeat(64) + 'b');"),
    { limits: ["sliceMs"] },
  ],
  "a polluted prototype": [pollution, { result: ["string"] }],
  "every road to Function": [roads, { result: [] }],
};
