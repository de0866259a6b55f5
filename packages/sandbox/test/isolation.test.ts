import { afterAll, describe, expect, test } from "vitest";
import { errorOf, job, open, resultOf, script, startedAt } from "./support.ts";

const { sandbox } = open({ maxChildren: 2, childrenForRuns: 1 });
afterAll(() => sandbox.close());

const run = async (code: string, more = {}): Promise<unknown> => resultOf(await sandbox.run(job(code, more)));

describe("nothing of the host is inside", () => {
  test("the globals are the language's own, less those that get around limits or determinism", async () => {
    const names = (await run(script("return Object.getOwnPropertyNames(globalThis);"))) as string[];
    for (const name of [
      "process",
      "require",
      "module",
      "global",
      "Buffer",
      "fetch",
      "setTimeout",
      "performance",
      "crypto",
      "structuredClone",
    ]) {
      expect(names).not.toContain(name);
    }
    for (const name of [
      "WebAssembly",
      "SharedArrayBuffer",
      "Atomics",
      "WeakRef",
      "FinalizationRegistry",
      "queueMicrotask",
      "ivm",
      "$0",
    ]) {
      expect(names).not.toContain(name);
    }
  });

  test("everything that can be reached from the globals and the argument is the isolate's own", async () => {
    // Walks prototypes, properties, getters and symbols; a host object would bring a function whose constructor is not ours.
    const found = await run(
      script(`
      const seen = new Set(), strange = [], todo = [globalThis, crm, new Error("x"), crm.call("a")];
      while (todo.length > 0) {
        const value = todo.pop();
        if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) continue;
        seen.add(value);
        let top = value;
        while (Object.getPrototypeOf(top) !== null) top = Object.getPrototypeOf(top);
        if (top !== Object.prototype && top !== value) strange.push(String(value));
        if (/isolated|native module|ExternalCopy|Reference$/.test(value?.constructor?.name ?? "")) strange.push(value.constructor.name);
        for (const key of Reflect.ownKeys(value)) {
          const { get, set, value: inner } = Object.getOwnPropertyDescriptor(value, key);
          todo.push(get, set, inner);
        }
        todo.push(Object.getPrototypeOf(value));
      }
      return { strange, many: seen.size > 500 };`),
    );
    expect(found).toEqual({ strange: [], many: true });
  });

  test.each([
    ["eval", "eval('1')"],
    ["indirect eval", "(0, eval)('1')"],
    ["Function", "Function('return 1')()"],
    ["new Function", "new Function('return 1')()"],
    ["a function's constructor", "(() => {}).constructor('return 1')()"],
    ["an async function's constructor", "(async () => {}).constructor('return 1')()"],
    ["a generator's constructor", "(function* () {}).constructor('return 1')()"],
    ["an async generator's constructor", "(async function* () {}).constructor('return 1')()"],
    ["the constructor of a method", "[].map.constructor('return 1')()"],
    ["the constructor of a class", "(class {}).constructor('return 1')()"],
    ["the prototype of a constructor", "Object.getPrototypeOf((async () => {}).constructor)('return 1')()"],
    ["Reflect.construct", "Reflect.construct(Object.getPrototypeOf(class {}).constructor, ['return 1'])()"],
    ["a subclass", "new (class extends (() => {}).constructor {})('return 1')()"],
    ["the constructor of the bridge", "crm.call.constructor('return 1')()"],
    ["the constructor of a bound function", "(function () {}).bind().constructor('return 1')()"],
    [
      "Function.prototype by descriptor",
      "Object.getOwnPropertyDescriptor(Function.prototype, 'constructor').value('return 1')()",
    ],
  ])("no code from strings: %s", async (_name, expression) => {
    expect(errorOf(await sandbox.run(job(script(`return ${expression};`)))).message).toMatch(
      /code cannot be made from strings|is not a function|not a constructor/,
    );
  });

  test("stack frames are text: no formatter is handed frames with functions or receivers", async () => {
    const code = script(`
      try { Error.prepareStackTrace = (error, frames) => frames; } catch {}
      try { Object.defineProperty(Error, "prepareStackTrace", { value: (error, frames) => frames }); } catch {}
      class Own extends Error { static prepareStackTrace(error, frames) { return frames; } }
      const target = {};
      Error.captureStackTrace(target);
      return [typeof new Error().stack, typeof new Own().stack, typeof target.stack];`);
    expect(await run(code)).toEqual(["string", "string", "string"]);
  });

  test("buffers cannot grow after they were counted", async () => {
    const code = script(`
      const buffer = new ArrayBuffer(8, { maxByteLength: 1e9 });
      const again = new (new Uint8Array(1).buffer.constructor)(8, { maxByteLength: 1e9 });
      return [buffer.resizable, again.resizable, typeof buffer.resize, typeof buffer.transfer, buffer.byteLength, buffer instanceof ArrayBuffer];`);
    expect(await run(code)).toEqual([false, false, "undefined", "undefined", 8, true]);
  });

  test("a run leaves nothing to the next run of its process", async () => {
    await run(script("globalThis.left = 1; Error.prototype.left = 1; return 1;"));
    expect(await run(script("return [typeof left, typeof new Error().left];"))).toEqual(["undefined", "undefined"]);
  });
});

describe("a script cannot break or forge the bridge", () => {
  test.each([
    [
      "Object.prototype",
      "Object.prototype.ok = false",
      "Object.prototype.toJSON = () => 'forged'",
      "Object.prototype.then = () => {}",
    ],
    [
      "a setter",
      "Object.defineProperty(Object.prototype, 'calls', { set() { throw 1; } })",
      "Object.prototype.__proto__ = { toJSON() {} }",
    ],
    [
      "Array.prototype",
      "Array.prototype.push = () => 'forged'",
      "Array.prototype.map = () => 'forged'",
      "Array.prototype[0] = 1",
    ],
    [
      "array iteration",
      "Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true })",
      "delete Array.prototype[Symbol.iterator]",
    ],
    ["Promise.prototype", "Promise.prototype.then = function () { return this; }", "Promise.prototype.constructor = 1"],
    ["Promise", "globalThis.Promise = class { then() {} }", "Promise.resolve = () => {}"],
    ["species", "Object.defineProperty(Promise, Symbol.species, { value: class { constructor() { throw 1; } } })"],
    ["Function.prototype", "Function.prototype.call = () => 'forged'", "Function.prototype.apply = () => 'forged'"],
    ["JSON", "JSON.stringify = () => 'forged'", "JSON.parse = () => ({ forged: 1 })", "globalThis.JSON = {}"],
    [
      "String.prototype",
      "String.prototype.slice = () => 'forged'",
      "String.prototype.toJSON = () => 'forged'",
      "globalThis.String = 1",
    ],
    ["Number.prototype", "Number.prototype.toString = () => 'forged'", "Number.prototype.toJSON = () => 'forged'"],
    ["Reflect", "Reflect.apply = () => 'forged'", "globalThis.Reflect = {}"],
    ["Map.prototype", "Map.prototype.get = () => 'forged'", "Map.prototype.set = () => 'forged'"],
    ["Symbol.hasInstance", "Object.defineProperty(Error, Symbol.hasInstance, { value: () => true })"],
    [
      "Error",
      "globalThis.Error = class { constructor() { throw 1; } }",
      "Error.prototype.toString = () => 'forged'",
      "Error.stackTraceLimit = 0",
    ],
    [
      "the globals",
      "for (const key of Object.getOwnPropertyNames(globalThis)) try { globalThis[key] = undefined; } catch {}",
    ],
  ])("by %s", async (...[, ...attacks]) => {
    // Each on its own, because a module is strict and the first refusal would end the attack.
    const attack = attacks.map((statement) => `try { ${statement} } catch {}`).join("\n");
    const code = `${attack}\nexport default async ({ crm }) => {
      ${attack}
      crm.log("line", { a: 1 });
      return [await crm.call("echo", { x: [1] }), 2];
    }`;
    const outcome = await sandbox.run(job(code));
    expect(resultOf(outcome)).toEqual([{ x: [1] }, 2]);
    expect(outcome).toMatchObject({ log: [{ level: "info", text: 'line {"a":1}' }], cost: { calls: 1, logLines: 1 } });
  });

  test("ordinary code still works: own error names, own toString, classes", async () => {
    const code = script(`
      class Late extends Error { constructor(m) { super(m); this.name = "Late"; } }
      const point = {}; point.toString = () => "point"; point.constructor = 1;
      class Pile extends Map { get(k) { return super.get(k) ?? 0; } }
      return [new Late("x").name, String(point), new Pile([["a", 1]]).get("b"), [3, 1, 2].toSorted(), (() => {}) instanceof Function];`);
    expect(await run(code)).toEqual(["Late", "point", 0, [1, 2, 3], true]);
  });
});

describe("a run is repeatable", () => {
  const chance = script("return [Math.random(), Math.random(), new Date().toISOString(), Date.now(), Date()];");

  test("time and chance come from the run alone", async () => {
    const first = await run(chance);
    expect(await run(chance)).toEqual(first);
    expect((first as unknown[]).slice(2)).toEqual([
      "2030-01-01T00:00:00.000Z",
      startedAt,
      "Tue Jan 01 2030 00:00:00 GMT+0000 (Coordinated Universal Time)",
    ]);
    expect((await run(chance, { seed: "other" })) as unknown[]).not.toContain((first as unknown[])[0]);
  });

  test("random numbers are spread over 0 to 1", async () => {
    const [least, mean, most, different] = (await run(
      script(`const n = Array.from({ length: 5000 }, () => Math.random());
        return [Math.min(...n), n.reduce((a, b) => a + b) / n.length, Math.max(...n), new Set(n).size];`),
    )) as [number, number, number, number];
    expect(least).toBeGreaterThanOrEqual(0);
    expect(least).toBeLessThan(0.01);
    expect(mean).toBeCloseTo(0.5, 1);
    expect(most).toBeLessThan(1);
    expect(most).toBeGreaterThan(0.99);
    expect(different).toBe(5000);
  });

  test("the clock stands at the last answer and never goes back", async () => {
    const code = script(
      "const at = [Date.now()]; for (const n of [1, 2, 3]) { await crm.call('a', n); at.push(Date.now()); } return at;",
    );
    const later = [0, 5_000, 2_000, 9_000];
    const onCall = async ({ id }: { id: number }) => ({
      ok: true as const,
      value: "1",
      at: startedAt + (later[id] ?? 0),
    });
    expect(await run(code, { onCall })).toEqual([startedAt, startedAt + 5_000, startedAt + 5_000, startedAt + 9_000]);
  });

  test("formatters take the run's clock where they default to now", async () => {
    const code = script(`
      const f = new Intl.DateTimeFormat("en", { dateStyle: "short", timeZone: "UTC" });
      const parts = f.formatToParts().map((p) => p.value).join("");
      return [f.format(), parts, f.format(0), new Date(2030, 5, 1).getTimezoneOffset(), Intl.DateTimeFormat().resolvedOptions().timeZone];`);
    expect(await run(code)).toEqual(["1/1/30", "1/1/30", "1/1/70", 0, "UTC"]);
  });

  test("Date is as always in every other respect", async () => {
    const code = script(`
      class Day extends Date {}
      return [new Date(2030, 0, 2).getDate(), new Date("2030-01-03").getTime(), Date.UTC(2030), Date.parse("2030-01-01"), new Date(0) instanceof Date,
        new Day() instanceof Day, new Day().getTime(), new Date().constructor === Date, Date.length, Date.name];`);
    expect(await run(code)).toEqual([
      2,
      Date.UTC(2030, 0, 3),
      Date.UTC(2030),
      Date.UTC(2030),
      true,
      true,
      startedAt,
      true,
      7,
      "Date",
    ]);
  });
});

describe("errors", () => {
  test("point at the script's line and column, with the script's own frames", async () => {
    const code =
      "const helper = (n) => {\n  throw new RangeError(`no ${n}`);\n};\nexport default async () => {\n  helper(7);\n};";
    const error = errorOf(await sandbox.run(job(code)));
    expect(error).toMatchObject({ code: "SCRIPT", name: "RangeError", message: "no 7", line: 2, column: 9 });
    expect(error.stack).toBe("RangeError: no 7\n    at helper (flow.ts:2:9)\n    at default (flow.ts:5:3)");
  });

  test("a failed call points at the line that made it and carries the caller's code and data", async () => {
    const onCall = async () =>
      ({
        ok: false,
        error: JSON.stringify({ name: "Refused", message: "no", code: "GX-REFUSED", data: { field: "a" } }),
        at: startedAt,
      }) as const;
    const code = "export default async ({ crm }) => {\n  await null;\n  await crm.call('x');\n}";
    expect(errorOf(await sandbox.run(job(code, { onCall })))).toMatchObject({
      name: "Refused",
      message: "no",
      reason: "GX-REFUSED",
      data: '{"field":"a"}',
      line: 3,
    });
    const caught = script(
      "try { await crm.call('x'); } catch (e) { return [e instanceof Error, e.name, e.code, e.data, e.message]; }",
    );
    expect(await run(caught, { onCall })).toEqual([true, "Refused", "GX-REFUSED", { field: "a" }, "no"]);
  });

  test.each([
    ["a string", "throw 'plain';", { name: "Thrown", message: "plain" }],
    ["nothing", "throw undefined;", { name: "Thrown", message: "undefined" }],
    ["a symbol", "throw Symbol('s');", { name: "Thrown", message: "Symbol(s)" }],
    [
      "an object whose getters throw",
      "throw { get name() { throw 1; }, get message() { throw 2; } };",
      { name: "Error", message: "" },
    ],
    [
      "a message of a megabyte",
      "throw new Error('x'.repeat(1e6));",
      { message: expect.stringMatching(/^x{8192}… \(991808 more\)$/) },
    ],
  ])("%s is thrown", async (_name, body, expected) => {
    expect(errorOf(await sandbox.run(job(script(body))))).toMatchObject({ code: "SCRIPT", ...expected });
  });

  test("a rejection that is handled a slice later is no error", async () => {
    expect(
      await run(
        script("const p = Promise.reject(new Error('x')); await crm.call('a'); return p.catch((e) => e.message);"),
      ),
    ).toBe("x");
  });
});
