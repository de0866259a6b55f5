import { isGuanxiError, issueMessage, type Locale } from "@guanxi/base";
import { GuanxiProblem, type ProblemIssue } from "@guanxi/client";

/** How a command ended; `docs/guide/command-line.md` lists them. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The command cannot be carried out as it was typed. */
export class UsageError extends Error {}

/** What was begun did not come to a good end; the message says what to do. */
export class CommandFailure extends Error {}

/** The user has ended the command; the message says how things stand. */
export class Interrupted extends Error {}

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "you may not open it",
  EPERM: "you may not change it",
  EISDIR: "it is a folder",
  ENOTDIR: "part of the path is a file",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
};

const codeOf = (error: unknown): string | undefined => (error as { code?: string } | null)?.code;

/** What went wrong with a file, in words. */
export const fileFault = (error: unknown, path: string): string =>
  `${path}: ${fileReasons[codeOf(error) ?? ""] ?? (error instanceof Error ? error.message : String(error))}`;

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return exitCodes.interrupted;
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof GuanxiProblem && error.status === 0 ? exitCodes.unreachable : exitCodes.failed;
}

/** An error as the user reads it; never a stack. */
export function explain(error: unknown, locale: Locale): string {
  if (error instanceof GuanxiProblem) return explainProblem(error);
  if (isGuanxiError(error)) {
    const issues = error.issues.map((issue) => `\n  ${issue.path}: ${issueMessage(issue, locale)}`);
    return error.message + issues.join("");
  }
  return error instanceof Error ? error.message : String(error);
}

/** A fault with its place: in the body, and in a script that the body has. */
export function sayIssue(issue: ProblemIssue): string {
  const { path, line, column } = issue;
  const place = line === undefined ? "" : ` (line ${line}${column === undefined ? "" : `, column ${column}`})`;
  return `${path === "" ? "" : `${path}: `}${wordsOf(issue)}${place}`;
}

/** The server says what an address needs; here it is an option. */
const wordsOf = ({ code, message }: ProblemIssue): string =>
  code === "data_loss" ? message.replace(/allow=(?=(?:drop|convert):)/, "--allow ") : message;

/** `welcome.ts:3:25`, as editors and terminals know to open it; `welcome.ts:` where no line is known. */
export const sayPlace = (file: string, line: number | undefined, column: number | undefined): string =>
  line === undefined ? `${file}:` : [file, line, column].filter((part) => part !== undefined).join(":");

/** A refusal with all its faults, each in the words of `say`. */
export function explainProblem(problem: GuanxiProblem, say: (issue: ProblemIssue) => string = sayIssue): string {
  const { status, code, title, detail, errors, requestId } = problem;
  if (status === 0) return detail ?? title;
  const issues = errors.map((issue) => `\n  ${say(issue)}`);
  const request = requestId === undefined ? "" : `\n  request ${requestId}`;
  return `${detail ?? title} (${code === "HTTP" ? `HTTP ${status}` : code})${issues.join("")}${request}`;
}
