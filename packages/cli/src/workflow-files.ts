import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { ProblemIssue } from "@guanxi/client";
import { type DefinitionFile, readDefinition, readText } from "./definitions.ts";
import { sayIssue, sayPlace, UsageError } from "./failure.ts";
import type { Io } from "./io.ts";

/** What a definition says, for a script that comes without one. */
export interface Occasion {
  readonly object?: string;
  readonly on?: string;
  readonly when?: string;
  readonly fields?: readonly string[];
  readonly name?: string;
}

/** A workflow as it is put. */
export interface WorkflowFile extends DefinitionFile {
  /** A fault as the user finds it: in a file, at a line, or in an option. */
  readonly say: (issue: ProblemIssue) => string;
}

const ending = /\.(ts|js)$/;
const script = "script";

/**
 * A workflow of a file: a definition (`-` for standard input), whose script may be in the file of the same name that ends with .ts or .js, or such a
 * script, with what a definition would say as options. UsageError for what is no workflow.
 */
export function readWorkflow(io: Io, file: string, occasion: Occasion): Promise<WorkflowFile> {
  return ending.test(file) ? ofScript(file, occasion) : ofDefinition(io, file, occasion);
}

async function ofScript(file: string, occasion: Occasion): Promise<WorkflowFile> {
  if (occasion.object === undefined || occasion.on === undefined) throw new UsageError(noOccasion(file));
  const { name = basename(file).replace(ending, ""), ...rest } = occasion;
  const body = { name, ...rest, script: await readText(file) };
  return { file, name, body, say: (issue) => sayOfScript(file, issue) ?? sayOfOption(issue) };
}

function noOccasion(file: string): string {
  const definition = file.replace(ending, ".json");
  return existsSync(definition)
    ? `${file} is the script of ${definition}: put that file.`
    : `When shall ${file} run? Say --object and --on, or write a definition into ${definition} and put that.`;
}

async function ofDefinition(io: Io, file: string, occasion: Occasion): Promise<WorkflowFile> {
  const [option] = Object.keys(occasion);
  if (option !== undefined)
    throw new UsageError(`--${option} goes with a script (.ts, .js). ${file} says it in its member "${option}".`);
  const definition = await readDefinition(io, file);
  const { name, body } = definition;
  if (body[script] !== undefined) return { ...definition, say: sayIssue };
  if (file === "-") throw new UsageError(`${definition.file} has no member "script".`);
  const { found, wanted } = scriptBeside(file);
  if (found === undefined)
    throw new UsageError(`${file} has no script: write it into ${wanted}, or into the member "script".`);
  const whole = { ...body, [script]: await readText(found) };
  return { file, name, body: whole, say: (issue) => sayOfScript(found, issue) ?? sayIssue(issue) };
}

/** The file with the script of a definition, and where it would be if there were one. */
export function scriptBeside(file: string): { readonly found: string | undefined; readonly wanted: string } {
  const stem = file.replace(/\.json$/, "");
  const wanted = `${stem}.ts`;
  return { found: [wanted, `${stem}.js`].find((path) => existsSync(path)), wanted };
}

/** `welcome.ts:3:25 message`, as editors and terminals know to open it; undefined for a fault elsewhere. */
function sayOfScript(file: string, { path, message, line, column }: ProblemIssue): string | undefined {
  if (path !== `/${script}`) return undefined;
  return `${sayPlace(file, line, column)} ${message}`;
}

const sayOfOption = (issue: ProblemIssue): string =>
  sayIssue({ ...issue, path: issue.path.replace(/^\/(\w+).*/, "--$1") });
