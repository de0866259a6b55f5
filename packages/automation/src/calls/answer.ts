import { type GuanxiError, errorCatalogue, isGuanxiError, issueMessage } from "@guanxi/base";

/** A run that used more than it may; ends the run, whatever its script catches. */
export class LimitPassed extends Error {
  readonly limit: string;
  readonly allowed: number;
  readonly used: number;

  constructor(limit: string, allowed: number, used: number) {
    super(`limit ${limit} passed: ${used} of ${allowed}`);
    this.name = "LimitPassed";
    this.limit = limit;
    this.allowed = allowed;
    this.used = used;
  }
}

/** Whether an error says something about what the script asked for, rather than about the platform. */
export const isRefusal = (error: unknown): error is GuanxiError => isGuanxiError(error) && error.status < 500;

/** A refusal as the script gets it: `code`, `message` and, as `errors`, its single faults. */
export function refusalText(error: GuanxiError): string {
  const issues = error.issues.map((issue) => ({
    path: issue.path,
    code: issue.code,
    message: issueMessage(issue, "en"),
  }));
  const detail = error.detail ?? issues.map(({ path, message }) => `${path} ${message}`).join("; ");
  const title = errorCatalogue[error.code].title.en;
  return JSON.stringify({
    name: "Refusal",
    code: `GX-${error.code}`,
    message: detail === "" ? title : `${title}: ${detail}`,
    ...(issues.length === 0 ? {} : { data: issues }),
  });
}

/** Counts rows against the limits; `used` are those of earlier activations of the same run. */
export function createBudget(
  limits: { rowsRead: number; rowsWritten: number },
  used = { rowsRead: 0, rowsWritten: 0 },
) {
  const count = { ...used };
  const add = (name: "rowsRead" | "rowsWritten") => (rows: number) => {
    count[name] += rows;
    if (count[name] > limits[name]) throw new LimitPassed(name, limits[name], count[name]);
  };
  return { read: add("rowsRead"), write: add("rowsWritten"), used: count as Readonly<typeof used> };
}
