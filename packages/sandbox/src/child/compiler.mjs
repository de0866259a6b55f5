// Reads one script after the other: strips the types and checks the syntax. Nothing of a script runs here.

import { stripTypeScriptTypes } from "node:module";
import { SourceTextModule } from "node:vm";
import { loadAddon, obeyParent } from "./addon.cjs";

/** @import { CompileResult, DefaultExport } from "../types.ts" */

obeyParent();

/** Heap for one source and its syntax tree, MB. */
const memoryMb = 64;

/** @type {typeof import("isolated-vm")} */
let ivm;

/** @param {string} text @param {number} offset */
const placeOf = (text, offset) => {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
};

/** SWC says `:<line>`, the line and a row of carets. @param {Error} error @returns {CompileResult} */
function typeScriptError({ message, stack = "" }) {
  const [first = "", ...rest] = stack.split("\n");
  const line = /:(\d+)$/.exec(first);
  const carets = rest.find((text) => /^\s*\^+$/.test(text));
  return {
    ok: false,
    message,
    ...(line && { line: Number(line[1]) }),
    ...(carets !== undefined && { column: carets.indexOf("^") + 1 }),
  };
}

/** V8 says `message [file:line:column]`. @param {Error} error @returns {CompileResult} */
function syntaxError({ message }) {
  const [, text = message, line, column] = /^([^]*) \[.*:(\d+):(\d+)\]$/.exec(message) ?? [];
  const readable = text.replace("Identifier '.default' has already been declared", "a script has one default export");
  return { ok: false, message: readable, ...(line && { line: Number(line), column: Number(column) }) };
}

/** What V8 says about the syntax, with its place; undefined when it is fine. @param {string} code @param {string} filename */
function checkSyntax(code, filename) {
  const isolate = new ivm.Isolate({ memoryLimit: memoryMb });
  try {
    return { imports: isolate.compileModuleSync(code, { filename }).dependencySpecifiers };
  } catch (error) {
    return { fault: syntaxError(/** @type {Error} */ (error)) };
  } finally {
    isolate.dispose();
  }
}

/** @param {string} code */
function parse(code) {
  try {
    return new SourceTextModule(code, { identifier: "script.ts" });
  } catch {
    return undefined;
  }
}

/**
 * The first match that is syntax and not part of a string, a comment or a regular expression. The parser decides: it reads the script once more with
 * something else in that place.
 * @param {string} code @param {RegExp} pattern @param {(parseWith: (text: string) => SourceTextModule | undefined) => boolean | undefined} isSyntax
 */
function findSyntax(code, pattern, isSyntax) {
  for (const match of code.matchAll(pattern)) {
    const end = match.index + match[0].length;
    if (isSyntax((text) => parse(code.slice(0, match.index) + text + code.slice(end))))
      return placeOf(code, match.index);
  }
  return undefined;
}

/** @param {string} code @param {string} specifier */
function findImport(code, specifier) {
  const other = `${specifier} `;
  return findSyntax(code, new RegExp(`(["'])${RegExp.escape(specifier)}\\1`, "g"), (parseWith) =>
    parseWith(JSON.stringify(other))?.moduleRequests.some((request) => request.specifier === other),
  );
}

/** In code a broken word fails and `import.meta.x(` parses; in a text both parse, as the name of a method neither does. @param {string} code */
const findDynamicImport = (code) =>
  findSyntax(
    code,
    /(?<![.\w$#])import(?=\s*\()/g,
    (parseWith) => !parseWith("1mport") && parseWith("import.meta.x") !== undefined,
  );

/** Functions that are declared exist before anything runs, and know their text; anything else is not there yet. @param {SourceTextModule} module */
function declaredFunction(module) {
  try {
    const { default: main } = /** @type {{ default: unknown }} */ (module.namespace);
    return typeof main === "function" ? main : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} code @param {SourceTextModule} module @returns {DefaultExport | undefined} */
function findDefaultExport(code, module) {
  for (const match of code.matchAll(/(?<![\w$.#])export((?:\s|\/\*[^]*?\*\/|\/\/.*)+)default(?![\w$])/g)) {
    const end = match.index + match[0].length;
    // In a text or a comment, any other word does as well.
    if (parse(`${code.slice(0, match.index)}1xport${code.slice(match.index + "export".length)}`)) continue;
    const place = { start: match.index, word: end - "default".length };
    const main = declaredFunction(module);
    if (main === undefined) return place;
    const text = Function.prototype.toString.call(main);
    const name = main.name === "default" ? undefined : main.name;
    return { ...place, declared: { end: code.indexOf(text, end) + text.length, ...(name !== undefined && { name }) } };
  }
  return undefined;
}

/** `broken`: this process must not be asked again. @param {{ source: string, filename: string }} request @returns {CompileResult & { broken?: true }} */
function compile({ source, filename }) {
  let code;
  try {
    code = stripTypeScriptTypes(source, { mode: "strip" });
  } catch (error) {
    const failed = /** @type {NodeJS.ErrnoException} */ (error);
    if (failed.code?.endsWith("_TYPESCRIPT_SYNTAX")) return typeScriptError(failed);
    // Its stack has overflowed or its memory is broken, and it would refuse every later script.
    return { ok: false, message: "the script is nested too deeply", broken: true };
  }
  const { fault, imports = [] } = checkSyntax(code, filename);
  if (fault) return fault;
  const [specifier] = imports;
  if (specifier !== undefined)
    return { ok: false, message: `a script cannot import "${specifier}"`, ...findImport(code, specifier) };
  const place = findDynamicImport(code);
  if (place) return { ok: false, message: "a script cannot import anything", ...place };
  const module = parse(code);
  if (module === undefined) return { ok: false, message: "the script cannot be read" };
  if (module.hasTopLevelAwait()) return { ok: false, message: "`await` can stand only inside functions" };
  module.linkRequests([]);
  module.instantiate();
  if (!Reflect.has(module.namespace, "default"))
    return { ok: false, message: "a script must have a default export", line: 1, column: 1 };
  // Blanks have the length of what they stand for, so that places in the code are those in the source.
  const main = code.length === source.length ? findDefaultExport(code, module) : undefined;
  return { ok: true, code, ...(main && { main }) };
}

process.on("message", (/** @type {any} */ message) => {
  if (message.addon !== undefined) ivm = loadAddon(message.addon, message.identity);
  else process.send?.(compile(message));
});
