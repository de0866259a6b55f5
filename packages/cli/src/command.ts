import { type Command, InvalidArgumentError } from "commander";
import { type Api, createApi } from "./api.ts";
import type { ExitCode } from "./failure.ts";
import type { Io } from "./io.ts";
import { type Caller, type TargetOptions, targetOf } from "./target.ts";

/** What the commands are attached to. */
export interface Frame {
  readonly io: Io;
  /** Says how the process ends when not with 0. */
  end(code: ExitCode): void;
}

export interface CommonOptions extends TargetOptions {
  readonly json?: boolean;
}

/** Options of commands that ask a server. */
export function asks(command: Command, caller: Caller): Command {
  command.option("--url <address>", "where the server is (GUANXI_URL; the demo's; http://127.0.0.1:3000)");
  if (caller === "operator")
    command.option("--operator-key <key>", "the operator's key (GUANXI_OPERATOR_KEY; the demo's)");
  else
    command
      .option("--key <key>", "an API key (GUANXI_KEY; the key of the demo's administrator)")
      .option("--env <name>", "the server and key of an environment: GUANXI_URL_<NAME>, GUANXI_KEY_<NAME>");
  return command.option("--data-dir <folder>", "where demo-keys.json is (GUANXI_DATA_DIR; .guanxi)");
}

export const answersJson = (command: Command, what = "print JSON"): Command => command.option("--json", what);

export const apiFor = async (io: Io, options: TargetOptions, caller: Caller): Promise<Api> =>
  createApi(io, await targetOf(io, options, caller));

/** Values between commas, and of an option that is given again. */
export const commaList = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  ...value.split(",").map((part) => part.trim()),
];

/** Reads the value of an option that takes a whole number. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
  };
