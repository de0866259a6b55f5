import { CommanderError } from "commander";
import { localeOf } from "./api.ts";
import { type ExitCode, exitCodeOf, exitCodes, explain } from "./failure.ts";
import { type Io, note } from "./io.ts";
import { createProgram } from "./program.ts";
import { plain } from "./table.ts";

/** Runs the command of these words, without the program's own name. → the code that the process ends with; never rejects. */
export async function run(words: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const program = createProgram(io, (ended) => void (code = ended));
  try {
    await program.parseAsync(words, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const lines = explain(error, localeOf(io)).split("\n");
    note(io, `guanxi: ${lines.map(plain).join("\n")}`);
    return exitCodeOf(error);
  }
}
