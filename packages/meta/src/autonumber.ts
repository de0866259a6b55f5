import { type Text, text } from "@guanxi/base";

/** A part of an autonumber's pattern, in the order written. Dates are those of the tenant's time zone. */
export type AutonumberPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "date"; readonly format: "YYYY" | "YY" | "MM" | "DD" }
  /** The counter, filled up with zeros to at least so many `digits`. */
  | { readonly kind: "counter"; readonly digits: number };

export class AutonumberError extends Error {
  readonly text: Text;

  constructor(reason: Text) {
    super(reason.en);
    this.text = reason;
  }
}

/** Keeps a number readable and a counter below 2^53. */
const widest = 15;

/** `P-{YYYY}-{00000}` → its parts. Throws AutonumberError. */
export function autonumberParts(pattern: string): readonly AutonumberPart[] {
  const parts: AutonumberPart[] = [];
  for (const [piece, inner, literal = ""] of pattern.matchAll(/\{([^{}]*)\}|([^{}]+|[{}])/g)) {
    if (inner === undefined) {
      if (literal === "{" || literal === "}") {
        throw new AutonumberError(text("has a brace without its partner", "花括号不成对", "大括號不成對"));
      }
      parts.push({ kind: "text", text: literal });
    } else if (/^0+$/.test(inner) && inner.length <= widest) {
      parts.push({ kind: "counter", digits: inner.length });
    } else if (inner === "YYYY" || inner === "YY" || inner === "MM" || inner === "DD") {
      parts.push({ kind: "date", format: inner });
    } else {
      throw new AutonumberError(
        text(
          `does not know ${piece}; parts are {YYYY} {YY} {MM} {DD} and {000}`,
          `不认识 ${piece}，可用 {YYYY} {YY} {MM} {DD} {000}`,
          `不認識 ${piece}，可用 {YYYY} {YY} {MM} {DD} {000}`,
        ),
      );
    }
  }
  if (parts.filter((p) => p.kind === "counter").length !== 1) {
    throw new AutonumberError(
      text(
        "needs one counter such as {00000}",
        "需要且仅需要一个计数器，例如 {00000}",
        "需要且僅需要一個計數器，例如 {00000}",
      ),
    );
  }
  return parts;
}
