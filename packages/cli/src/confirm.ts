import { createInterface } from "node:readline/promises";
import { CommandFailure, Interrupted, UsageError } from "./failure.ts";
import type { Io } from "./io.ts";
import { plain } from "./table.ts";

export interface Deletion {
  /** `the tenant acme ("Acme") with all its records`. */
  readonly what: string;
  /** What the user types to go on, and what that is: `its id`. */
  readonly typed: string;
  readonly called: string;
}

/** Goes on only when the user types the name of what is to be deleted; without a terminal there is nobody to ask: UsageError. */
export async function confirmDeletion(io: Io, { what, typed, called }: Deletion): Promise<void> {
  const named = plain(what);
  if (!io.stdin.isTTY) throw new UsageError(`This would delete ${named}. Add --yes if it shall.`);
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const question = `Delete ${named}? Type ${called} to go on: `;
    const answer = await lines.question(question, { signal: io.interrupted }).catch(() => {
      throw new Interrupted("\nInterrupted. Nothing was deleted.");
    });
    if (answer.trim() !== typed) throw new CommandFailure(`That is not ${called}. Nothing was deleted.`);
  } finally {
    lines.close();
  }
}
