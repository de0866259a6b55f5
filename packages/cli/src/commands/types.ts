import { type Command, Option } from "commander";
import { answersJson, apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { UsageError } from "../failure.ts";
import { checkTarget, save } from "../files.ts";
import { type Io, printJson } from "../io.ts";
import { createProgress } from "../progress.ts";
import { size } from "../table.ts";

interface TypesOptions extends CommonOptions {
  readonly out?: string;
  readonly for: "client" | "script";
}

/** `types`: what `createClient<Objects>` of `@guanxi/client` is typed by, or what an editor needs for the scripts of workflows. */
export function addTypes(program: Command, { io }: Frame): void {
  const command = program.command("types").description("TypeScript declarations of your objects");
  answersJson(asks(command, "user"), "print the file's name and size as JSON; needs --out")
    .option("-o, --out <file>", "where to; standard output unless said")
    .addOption(
      new Option("--for <reader>", "the typed client, or scripts of workflows in an editor")
        .choices(["client", "script"])
        .default("client"),
    )
    .action((options: TypesOptions) => types(io, options));
}

async function types(io: Io, options: TypesOptions): Promise<void> {
  const { out, json } = options;
  if (json && out === undefined)
    throw new UsageError("--json needs --out: without it the types themselves are printed.");
  if (out !== undefined) await checkTarget(out);
  const path = `/api/types.d.ts${options.for === "script" ? "?for=script" : ""}`;
  const response = await (await apiFor(io, options, "user")).open({ path });
  const bytes = await save(io, response, { path: out, progress: createProgress(io, "types", size) });
  if (json) printJson(io, { file: out, bytes });
}
