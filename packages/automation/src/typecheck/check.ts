import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuanxiError, type Issue, type Locale, type Text, text } from "@guanxi/base";
import type { Session } from "@guanxi/kernel";
import type { CompileResult } from "@guanxi/sandbox";
import type { AutomationSettings } from "../settings.ts";
import type { Trigger } from "../workflows/definition.ts";
import { runCompiler } from "./compiler.ts";
import { scriptDeclarations } from "./declarations.ts";
import { type Toolchain, toolchain } from "./library.ts";
import { readIssues } from "./messages.ts";
import { type AnnotatedSource, annotate } from "./source.ts";
import { createTurns } from "./turns.ts";

/** TypeScript declarations of the objects in the session's snapshot, as `interface Objects`, whatever the caller's rights. */
export type ScriptTypes = (session: Session) => Promise<string>;

export interface TypedScript {
  readonly script: string;
  readonly compiled: Extract<CompileResult, { ok: true }>;
  readonly object: string;
  readonly on: Trigger;
  /** Of the compiler's messages. */
  readonly locale: Locale;
}

/** Resolves to the faults of a script's types; throws UNAVAILABLE when they cannot be checked. */
export type TypeCheck = (session: Session, script: TypedScript) => Promise<readonly Issue[]>;

/**
 * Strict, so that what would fail at run time fails here; but nobody has to write types. `noImplicitAny` is on because lists and
 * variables that begin empty get their types from what is put into them only then; its own messages are left out. Whoever writes
 * types has a way to say that a field is not empty, `!`; in plain JavaScript an empty field may stand for a value.
 */
const optionsFor = ({ name }: AnnotatedSource) => ({
  ...{ strict: true, strictNullChecks: name === "script.ts", strictPropertyInitialization: false },
  ...{ useUnknownInCatchVariables: false, noImplicitThis: false },
  ...{ allowJs: true, checkJs: true, allowUnreachableCode: true, allowUnusedLabels: true },
  ...{ target: "esnext", module: "esnext", moduleResolution: "bundler", moduleDetection: "force" },
  // The folder's own files and nothing else: no imports, references, packages or libraries.
  ...{ noEmit: true, noResolve: true, noLib: true, types: [], typeRoots: [], skipLibCheck: true },
});

/** `findTools` says what the compiler is. */
export function createTypeCheck(
  settings: AutomationSettings,
  scriptTypes: ScriptTypes,
  findTools: () => Toolchain | undefined = toolchain,
): TypeCheck {
  const turn = createTurns(settings.typeChecks, settings.typeChecksWaiting);
  const limits = { ms: settings.typeCheckMs, memoryMb: settings.typeCheckMemoryMb };
  return async (session, script) => {
    const tools = findTools();
    if (!tools) throw unavailable(`There is no TypeScript compiler for ${process.platform} ${process.arch}`);
    const source = annotate(script.script, script.compiled.code, script.compiled.main);
    const files = filesOf(tools, source, await scriptTypes(session), script);
    const args = ["-p", ".", "--pretty", "false", "--singleThreaded", "--locale", script.locale];
    const end = await turn(session.tenant.id, () =>
      inFolder(files, (folder) => runCompiler(tools.compiler, folder, args, limits)),
    );
    if (end.kind === "failed") throw unavailable(end.reason, end.cause);
    if (end.kind === "done") return readIssues(end.output, source, settings.typeCheckFaults);
    return [{ path: "/script", code: "script", text: passed[end.kind], params: limits }];
  };
}

const passed: Readonly<Record<"time" | "memory", Text>> = {
  time: text(
    "the types of this script take longer than {ms} ms to check; make them simpler",
    "检查此脚本的类型超过 {ms} 毫秒；请简化类型",
    "檢查此腳本的型別超過 {ms} 毫秒；請簡化型別",
  ),
  memory: text(
    "the types of this script take more than {memoryMb} MB to check, or more than the compiler can do; make them simpler",
    "检查此脚本的类型需要超过 {memoryMb} MB 内存，或超出编译器的能力；请简化类型",
    "檢查此腳本的型別需要超過 {memoryMb} MB 記憶體，或超出編譯器的能力；請簡化型別",
  ),
};

const unavailable = (reason: string, cause?: Error): GuanxiError =>
  new GuanxiError("UNAVAILABLE", { detail: `The types of the script cannot be checked: ${reason}.`, cause });

type Files = readonly (readonly [name: string, text: string])[];

function filesOf(tools: Toolchain, source: AnnotatedSource, objects: string, { object, on }: TypedScript): Files {
  const files: Files = [
    ...tools.library,
    ["guanxi.d.ts", scriptDeclarations(objects)],
    ["main.d.ts", `type $Main = Workflow<"${object}", "${on}">;`],
    [source.name, source.text],
  ];
  const config = { compilerOptions: optionsFor(source), files: files.map(([name]) => name) };
  return [...files, ["tsconfig.json", JSON.stringify(config)]];
}

/** Works on a folder that only this user can read and that is gone afterwards. */
async function inFolder<T>(files: Files, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "guanxi-types-"));
  try {
    await Promise.all(files.map(([name, content]) => writeFile(join(folder, name), content)));
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
