import { parse } from "./parse.ts";
import type { Syntax } from "./syntax.ts";

/** The expression with own fields under other names, `names` being old → new. Throws ExpressionError where it cannot be read. */
export function renameFields(source: string, names: ReadonlyMap<string, string>): string {
  let renamed = source;
  const places = ownNames(parse(source)).toSorted((a, b) => b.at - a.at);
  for (const { at, name } of places)
    renamed = renamed.slice(0, at) + (names.get(name) ?? name) + renamed.slice(at + name.length);
  return renamed;
}

interface OwnName {
  readonly at: number;
  readonly name: string;
}

/** Where names stand that no dot precedes; the members behind them are those of other records. */
function ownNames(syntax: Syntax): OwnName[] {
  switch (syntax.is) {
    case "name":
      return [{ at: syntax.at, name: syntax.name }];
    case "member":
      return ownNames(syntax.of);
    case "list":
      return syntax.items.flatMap(ownNames);
    case "call":
      return [...(syntax.receiver ? [syntax.receiver] : []), ...syntax.args].flatMap(ownNames);
    case "operator":
      return syntax.args.flatMap(ownNames);
    default:
      return [];
  }
}
