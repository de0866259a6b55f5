/** Where a member stands in a JSON text, by its pointer: 1-based; the nearest one around it where it is not there. */
export function placeIn(text: string, pointer: string): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offsetOf(text, pointer)).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

/** A string, with the colon that makes it a name; a bracket or comma; anything else. */
const token = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\],]|[^\s{}[\],:"]+/g;

/** An object or list that the scan is inside of. */
interface Level {
  readonly list: boolean;
  readonly path: string;
  index: number;
  key: string;
}

/** Characters from the start of valid JSON. */
function offsetOf(text: string, pointer: string): number {
  const levels: Level[] = [];
  let best = { offset: text.search(/\S|$/), length: 0 };
  const pathHere = (): string => {
    const level = levels.at(-1);
    return level === undefined ? "" : `${level.path}/${level.list ? level.index : escaped(level.key)}`;
  };
  const meet = (offset: number): void => {
    const path = pathHere();
    const around = pointer === path || pointer.startsWith(`${path}/`);
    if (around && path.length > best.length) best = { offset, length: path.length };
  };
  for (const { 0: word, 1: name = "", 2: colon, index } of text.matchAll(token)) {
    const level = levels.at(-1);
    if (level && colon !== undefined) {
      level.key = JSON.parse(name) as string;
      meet(index);
    } else if (word === "}" || word === "]") levels.pop();
    else if (word === ",") {
      if (level?.list) level.index++;
    } else {
      if (level?.list) meet(index);
      if (word === "{" || word === "[") levels.push({ list: word === "[", path: pathHere(), index: 0, key: "" });
    }
  }
  return best.offset;
}

const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");
