import type { Text } from "@guanxi/base";

/** An expression that cannot be read or does not type-check. `position` counts characters (UTF-16 units) from the start. */
export class ExpressionError extends Error {
  readonly position: number;
  readonly text: Text;

  constructor(position: number, text: Text) {
    super(text.en);
    this.name = "ExpressionError";
    this.position = position;
    this.text = text;
  }
}

/** What stands in the way of a formula that leads to others: it is told in the same words wherever it is met. */
export class FormulaError extends ExpressionError {}
