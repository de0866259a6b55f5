import type { Issue } from "@guanxi/base";
import type { AnnotatedSource } from "./source.ts";

/** Characters of one message; a type that does not fit into them helps nobody. */
const messageLength = 600;

/** `script.ts(3,5): error TS2339: …`, and what it says of whatever is no file's fault. */
const diagnostic = /^(?:(?<file>[^\s(][^(]*)\((?<line>\d+),(?<column>\d+)\): )?error TS(?<code>\d+): (?<text>.*)$/;

interface Diagnostic {
  readonly file: string | undefined;
  readonly line: number;
  readonly column: number;
  readonly code: number;
  readonly lines: string[];
}

function read(output: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const line of output.split("\n")) {
    const { groups } = diagnostic.exec(line) ?? {};
    if (groups)
      found.push({
        file: groups["file"],
        line: Number(groups["line"]),
        column: Number(groups["column"]),
        code: Number(groups["code"]),
        lines: [groups["text"] ?? ""],
      });
    // What is indented explains the line above it.
    else if (line.trim() !== "") found.at(-1)?.lines.push(line.trim());
  }
  return found;
}

/** "implicitly has an 'any' type": whoever writes no types need not. */
const isImplicit = ({ code }: Diagnostic): boolean => code >= 7000 && code < 7100;

/** Those that go on to advise a library or a package, which a script cannot choose. */
const advising: ReadonlySet<number> = new Set([2550, 2568, 2580, 2581, 2582, 2583, 2584, 2585, 2591, 2592, 2593, 2868]);

/** `$Main` is our word for it, and `guanxi` or a file where its types stand. */
function words({ code, lines }: Diagnostic): string {
  const all = lines
    .join(" ")
    .replace(/import\("[^"]*"\)\./g, "")
    .replaceAll("$Main", "Workflow");
  const first = advising.has(code) ? all.replace(/(?<=\.)\s.*$|(?<=。).*$/s, "") : all;
  return first.length > messageLength ? `${first.slice(0, messageLength)}…` : first;
}

/**
 * The faults of the script that the compiler found, at most `limit`; one that shows elsewhere, as when a script declares a global
 * name anew, has no place. Throws what the compiler says of no file, for that is not about the script.
 */
export function readIssues(output: string, source: AnnotatedSource, limit: number): Issue[] {
  const found = read(output).filter((d) => !isImplicit(d));
  const general = found.find(({ file }) => file === undefined);
  if (general) throw new Error(`the compiler of scripts: ${general.lines.join(" ")}`);
  return found.slice(0, limit).map((d) => ({
    path: "/script",
    code: "script",
    text: { en: words(d) },
    ...(d.file === source.name ? source.place(d.line, d.column) : {}),
  }));
}
