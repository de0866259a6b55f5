import { GuanxiProblem } from "@guanxi/client";
import { type Command, Option } from "commander";
import { type Api, localeOf } from "../api.ts";
import { changeDefinitions } from "../change-set.ts";
import { answersJson, apiFor, asks, commaList, type CommonOptions, type Frame } from "../command.ts";
import { CommandFailure, exitCodes, explainProblem, sayIssue } from "../failure.ts";
import { type Io, note, print, printJson } from "../io.ts";
import { writeStart } from "../project/init.ts";
import { type Customisation, filesOf, type Kind, kinds } from "../project/layout.ts";
import { annotateFault, type Fault, missingFrom, type Project, readProject, sayFault } from "../project/read.ts";
import { type ChangeSetAnswer, tellChangeSet } from "../project/steps.ts";
import { writeProject } from "../project/write.ts";

const faultForms = { text: sayFault, github: annotateFault } as const;

/** `pull`, `push`, `validate`, `init`: the definitions of a tenant as files. */
export function addProject(program: Command, frame: Frame): void {
  const { io, end } = frame;
  const here = "[folder]";
  answersJson(
    asks(program.command(`pull ${here}`).description("write what a tenant has of its own into files"), "user"),
    "print which files as JSON",
  )
    .option("--delete", "remove the files of definitions that the tenant has not")
    .action((dir: string | undefined, options: CommonOptions & { delete?: boolean }) => pull(io, dir ?? ".", options));
  answersJson(
    asks(
      program.command(`push ${here}`).description("bring a tenant to what the files say, all of it or nothing"),
      "user",
    ),
    "print the steps as JSON",
  )
    .option("--plan", "say what would happen, and change nothing")
    .option("--delete", "delete what the tenant has and the files have not")
    .option(
      "--allow <losses>",
      "data that may be lost, by comma: drop:property.fee, convert:property.viewed",
      commaList,
    )
    .option("-m, --message <text>", "why; kept in the history")
    .action((dir: string | undefined, options: Push) => push(frame, dir ?? ".", options));
  answersJson(
    program.command(`validate ${here}`).description("check the files without a server"),
    "print the faults as JSON",
  )
    .addOption(
      new Option("--format <form>", "how faults are told: for people and editors, or as annotations of GitHub Actions")
        .choices(Object.keys(faultForms))
        .default("text"),
    )
    .action(async (dir: string | undefined, { json, format }: CommonOptions & { format: keyof typeof faultForms }) => {
      const faults = await validate(io, dir ?? ".");
      if (json) printJson(io, faults);
      else if (faults.length === 0) note(io, "No faults.");
      else print(io, faults.map(faultForms[format]).join("\n"));
      if (faults.length > 0) end(exitCodes.failed);
    });
  program
    .command(`init ${here}`)
    .description("begin a project: a folder with an object, a workflow and what an editor needs")
    .option("--empty", "without the object and the workflow")
    .action(async (dir: string | undefined, { empty = false }: { empty?: boolean }) => {
      const folder = dir ?? ".";
      for (const path of await writeStart(folder, empty)) print(io, path);
      note(io, `Next: write definitions; guanxi validate ${folder}; guanxi push ${folder} --plan.`);
    });
}

async function pull(io: Io, folder: string, options: CommonOptions & { delete?: boolean }): Promise<void> {
  const found = await customisationOf(await apiFor(io, options, "user"));
  const { written, unchanged, others } = await writeProject(folder, filesOf(found), options.delete === true);
  if (options.json) return printJson(io, { version: found.version, written, unchanged, others });
  for (const path of written) print(io, path);
  for (const path of others)
    if (options.delete) print(io, `${path} removed`);
    else note(io, `${path} is not on the server; --delete removes it.`);
  note(io, `${written.length} written, ${unchanged.length} as they were.`);
}

export const customisationOf = (api: Api): Promise<Customisation> =>
  api.json<Customisation>({ path: "/api/meta/customisation" });

interface Push extends CommonOptions {
  readonly plan?: boolean;
  readonly delete?: boolean;
  readonly allow?: readonly string[];
  readonly message?: string;
}

async function push({ io, end }: Frame, folder: string, options: Push): Promise<void> {
  const project = await readProject(folder);
  if (project.faults.length > 0) throw faulty(project.faults);
  const api = await apiFor(io, options, "user");
  const found = await customisationOf(api);
  const missing = missingFrom(project, found, found.brought);
  const answer = await send(io, api, project, missing, found.version, options);
  if (options.json) printJson(io, answer);
  else tell(io, answer, missing, options);
  if (!answer.ok) end(exitCodes.failed);
}

const faulty = (faults: readonly Fault[]): CommandFailure =>
  new CommandFailure(`The files have faults.\n${faults.map((fault) => `  ${sayFault(fault)}`).join("\n")}`);

async function send(
  io: Io,
  api: Api,
  project: Project,
  missing: Readonly<Record<Kind, readonly string[]>>,
  version: number,
  { plan, allow, message, delete: deletes }: Push,
): Promise<ChangeSetAnswer> {
  const { set } = project;
  const gone = Object.fromEntries(
    kinds.map((kind) => [
      kind,
      [...((set.delete as Record<Kind, string[]>)[kind] ?? []), ...(deletes ? missing[kind] : [])],
    ]),
  );
  const body = { ...set, delete: gone, ...(allow ? { allow } : {}), ...(message === undefined ? {} : { message }) };
  try {
    return await changeDefinitions(io, api, {
      method: "POST",
      path: `/api/meta/changes${plan ? "?plan=true" : ""}`,
      headers: { "if-match": `"${version}"` },
      body,
    });
  } catch (error) {
    if (!(error instanceof GuanxiProblem) || error.status === 0) throw error;
    const say = (issue: Parameters<typeof sayIssue>[0]): string => {
      const { path, line, column, ...words } = issue;
      const place = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
      const fault = project.place({ path, message: sayIssue({ ...words, path: "" }), ...place });
      return fault ? sayFault(fault) : sayIssue(issue);
    };
    throw new CommandFailure(explainProblem(error, say));
  }
}

function tell(io: Io, answer: ChangeSetAnswer, missing: Record<Kind, string[]>, { plan, delete: deletes }: Push): void {
  const left = kinds.flatMap((kind) => missing[kind].map((name) => `${kind}/${name}`));
  if (left.length > 0 && !deletes)
    note(io, `Not in the files, and left as it is (--delete deletes it): ${left.join(", ")}.`);
  tellChangeSet(io, answer, plan === true);
}

async function validate(io: Io, folder: string): Promise<readonly Fault[]> {
  const project = await readProject(folder);
  if (project.faults.length > 0) return project.faults;
  const { issueMessage } = await import("@guanxi/base");
  const { examineDefinitions } = await import("@guanxi/server");
  const locale = localeOf(io);
  return (await examineDefinitions(project.set, locale)).map((issue): Fault => {
    const { path, line, column } = issue;
    const message = issueMessage(issue, locale);
    const place = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
    return project.place({ path, message, ...place }) ?? { file: folder, pointer: path, message };
  });
}
