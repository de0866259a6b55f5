import type { Issue, Text } from "@guanxi/base";

/** An expression that cannot be read or does not type-check. `position` counts characters (UTF-16 units) from the start. */
export class ExpressionError extends Error {
  readonly position: number;
  readonly reason: string;
  readonly text: Text;

  constructor(position: number, text: Text) {
    super(text.en);
    this.name = "ExpressionError";
    this.position = position;
    this.reason = text.en;
    this.text = text;
  }

  /** The fault as an entry of an API answer; `path` says where the expression stands. */
  toIssue(path: string): Issue {
    return { path, code: "expression", text: this.text, position: this.position };
  }
}
