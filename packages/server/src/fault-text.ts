import { errorCatalogue, isGuanxiError } from "@guanxi/base";
import { isDatabaseError } from "@guanxi/store";

/** What an operator reads of an error. */
export interface FaultText {
  readonly message: string;
  readonly code?: string;
  /** Where a bug of ours came from. */
  readonly stack?: string;
  readonly cause?: FaultText;
}

/** SQLSTATE classes whose words are about connections and the server; the others may quote a value. */
const safeStates = /^(08|53|57|58)/;

/** Sentences of the JavaScript engine that quote code only; any other may quote a value, as `JSON.parse` does. */
const safeSentences = [
  /^Cannot (?:read|set) properties of (?:undefined|null)/,
  /^[\w$.]+ is not (?:a function|a constructor|defined)$/,
];

const engineErrors = new Set(["TypeError", "RangeError", "SyntaxError", "URIError", "EvalError", "ReferenceError"]);

/**
 * The chain of an error and its causes without anything that came from a record: words that may quote a value are left out, and
 * the stack's frames say where to look.
 */
export function faultText(error: unknown): FaultText {
  if (!(error instanceof Error)) return { message: `a thrown ${typeof error}` };
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  const cause = inner === undefined ? {} : { cause: faultText(inner) };
  if (isGuanxiError(error)) {
    const { status, title } = errorCatalogue[error.code];
    // A refusal's detail is for its caller.
    if (status < 500) return { message: title.en, code: `GX-${error.code}`, ...cause };
    const place = error.code === "INTERNAL" ? frames(error) : {};
    return { message: error.message, code: `GX-${error.code}`, ...place, ...cause };
  }
  if (isDatabaseError(error))
    return { message: error.message, ...(safeStates.test(error.sqlState) ? {} : frames(error)), ...cause };
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  if (typeof code === "string" && severity !== undefined)
    return {
      message: safeStates.test(code) ? error.message : `PostgreSQL refused it (SQLSTATE ${code})`,
      code,
      ...cause,
    };
  // What the system refused is no bug; its words name a file or an address.
  if (typeof code === "string" && !engineErrors.has(error.name)) return { message: error.message, code, ...cause };
  return { message: wordsOf(error), ...frames(error), ...cause };
}

function wordsOf(error: Error): string {
  if (!engineErrors.has(error.name)) return error.message;
  const safe = safeSentences.map((sentence) => sentence.exec(error.message)?.[0]).find((words) => words !== undefined);
  return safe === undefined ? error.name : `${error.name}: ${safe}`;
}

/** The stack without the message that it begins with. */
function frames({ stack = "" }: Error): { stack?: string } {
  const at = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return at.length === 0 ? {} : { stack: at.map((line) => line.trim()).join("\n") };
}
