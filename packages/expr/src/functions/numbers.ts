import { ExpressionError } from "../errors.ts";
import { messages } from "../messages.ts";
import type { TypedNode } from "../node.ts";
import { type Decimal, type Digits, integerDigits, round } from "../number.ts";
import type { Operation } from "../operation.ts";

/** Places that `round` takes: what money, rates and measures need. */
const MIN_PLACES = -15;
const MAX_PLACES = 20;

const whole = ({ whole: digits }: Digits): Digits => ({ whole: digits + 1, scale: 0 });

function rounding(name: string, to: (value: Decimal) => Decimal): Operation {
  return {
    name,
    key: name,
    params: ["number"],
    returns: "int",
    digits: ([a]) => whole(a?.digits ?? integerDigits),
    evaluate: ([a]) => to(a as Decimal),
    sql: ([a]) => `${name}(${a!.numeric()})`,
  };
}

function placesOf(node: TypedNode | undefined): number {
  return node?.node === "literal" && node.value !== null ? (node.value as Decimal).toNumber() : Number.NaN;
}

function checkPlaces([, places]: readonly TypedNode[]): void {
  const n = placesOf(places);
  if (n >= MIN_PLACES && n <= MAX_PLACES) return;
  throw new ExpressionError(places?.at ?? 0, messages.places(MIN_PLACES, MAX_PLACES));
}

export const numbers: readonly Operation[] = [
  rounding("round", (a) => round(a, 0)),
  rounding("floor", (a) => a.floor()),
  rounding("ceil", (a) => a.ceil()),
  {
    name: "round",
    key: "round_to",
    params: ["number", "int"],
    returns: "number",
    digits: ([a, places]) => ({
      whole: (a?.digits?.whole ?? 0) + 1 + Math.max(0, -placesOf(places)),
      scale: Math.min(a?.digits?.scale ?? 0, Math.max(0, placesOf(places))),
    }),
    check: checkPlaces,
    evaluate: ([a, places]) => round(a as Decimal, (places as Decimal).toNumber()),
    // Not a parameter: the checker has bounded it, and PostgreSQL would take one of any type but integer for another function.
    sql: ([a, places]) => `round(${a!.numeric()}, ${placesOf(places?.node)})`,
  },
  {
    name: "abs",
    key: "abs",
    params: ["number"],
    returns: "number",
    evaluate: ([a]) => (a as Decimal).abs(),
    sql: ([a]) => `abs(${a!.numeric()})`,
  },
];
