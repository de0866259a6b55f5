import { Argument, type Command } from "commander";
import { shells, type Shell } from "../completion/shells.ts";
import { commandsOf } from "../completion/tree.ts";
import { answersJson, type Frame } from "../command.ts";
import { print, printJson } from "../io.ts";

/** `completion`: what a shell needs to complete our commands. */
export function addCompletion(program: Command, { io }: Frame): void {
  const says = `completion for a shell, such as: source <(guanxi completion bash)`;
  answersJson(program.command("completion").description(says))
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(shells)))
    .action((shell: Shell, options: { json?: boolean }) => {
      const script = shells[shell](commandsOf(program));
      if (options.json) printJson(io, { shell, script });
      else print(io, script.trimEnd());
    });
}
