import { Command } from "commander";
import manifest from "../package.json" with { type: "json" };
import type { Frame } from "./command.ts";
import { addApi } from "./commands/api.ts";
import { addBackup } from "./commands/backup.ts";
import { addChanges } from "./commands/changes.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDiff } from "./commands/diff.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExport } from "./commands/export.ts";
import { addImport } from "./commands/import.ts";
import { addKeys } from "./commands/keys.ts";
import { addObjects } from "./commands/objects.ts";
import { addPlugins } from "./commands/plugins.ts";
import { addProject } from "./commands/project.ts";
import { addRuns } from "./commands/runs.ts";
import { addServe } from "./commands/serve.ts";
import { addTenant } from "./commands/tenant.ts";
import { addTypes } from "./commands/types.ts";
import { addWorkflows } from "./commands/workflows.ts";
import type { ExitCode } from "./failure.ts";
import type { Io } from "./io.ts";

/** The whole tree of commands; help, errors of usage and completion are made from it. */
export function createProgram(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command("guanxi")
    .description("Guanxi 关系, a headless CRM platform: runs it and works with it.")
    .version(manifest.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .showHelpAfterError("Add --help to the command to see what it takes.")
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(`guanxi: ${text.replace(/^error: /, "")}`),
    })
    .exitOverride();
  const frame: Frame = { io, end };
  const add = [
    ...[addServe, addDoctor, addTenant, addBackup, addKeys, addObjects, addPlugins],
    ...[addProject, addDiff, addChanges, addImport, addExport, addWorkflows, addRuns, addTypes, addApi, addCompletion],
  ];
  for (const addTo of add) addTo(program, frame);
  return program.addHelpText("after", () => footer);
}

const footer = `
Exit codes: 0 done, 1 the server refused or failed, 2 wrong usage, 3 no server reached, 130 interrupted.
Guide: docs/guide/command-line.md`;
