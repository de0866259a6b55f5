import type { Command } from "commander";

/** What the values of an option or an argument are, as far as a shell can say. */
export type Values =
  | { readonly is: "words"; readonly words: readonly string[] }
  | { readonly is: "files" | "plurals" | "other" };

export interface OptionNode {
  /** `--out`, `-o`. */
  readonly flags: readonly string[];
  readonly says: string;
  /** Undefined for an option without a value. */
  readonly values: Values | undefined;
}

export interface CommandNode {
  /** `tenant create`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly says: string }[];
  readonly options: readonly OptionNode[];
  readonly arguments: readonly Values[];
  /** Whether more of what the last argument is may follow. */
  readonly repeats: boolean;
}

/** The command tree as plain data, the program first. */
export function commandsOf(command: Command, path = ""): CommandNode[] {
  const below = (name: string): string => (path === "" ? name : `${path} ${name}`);
  const node: CommandNode = {
    path,
    commands: command.commands.map((c) => ({ name: c.name(), says: c.description() })),
    options: [
      ...command.options.map(({ short, long, description, required, optional, argChoices, flags }) => ({
        flags: [long, short].filter((flag) => flag !== undefined),
        says: description,
        values: required || optional ? valuesOf(flags, argChoices) : undefined,
      })),
      { flags: ["--help", "-h"], says: "print help", values: undefined },
    ],
    arguments: command.registeredArguments.map((argument) => valuesOf(argument.name(), argument.argChoices)),
    repeats: command.registeredArguments.at(-1)?.variadic === true,
  };
  return [node, ...command.commands.flatMap((c) => commandsOf(c, below(c.name())))];
}

/** Told by the name in angle brackets. */
function valuesOf(name: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { is: "words", words: choices };
  if (/\b(file|folder|mapping)\b/.test(name)) return { is: "files" };
  return /\bplural\b/.test(name) ? { is: "plurals" } : { is: "other" };
}
