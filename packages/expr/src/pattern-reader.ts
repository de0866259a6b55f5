import { ExpressionError } from "./errors.ts";
import { MAX_REPEAT } from "./limits.ts";
import { messages } from "./messages.ts";

/** Code points, from and to inclusive. */
export type Ranges = readonly (readonly [from: number, to: number])[];

export type Pattern =
  | { readonly is: "start" | "end" }
  | { readonly is: "class"; readonly ranges: Ranges; readonly negated: boolean }
  | { readonly is: "sequence" | "choice"; readonly items: readonly Pattern[] }
  | { readonly is: "repeat"; readonly of: Pattern; readonly min: number; readonly max: number | undefined };

const LAST = 0x10ffff;
/** Letters of `{255,255}` or `{10ffff}` and some to spare. */
const LONGEST_ESCAPE = 12;
const code = (letter: string): number => letter.codePointAt(0)!;

const digit: Ranges = [[0x30, 0x39]];
const word: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const space: Ranges = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
];
const classes: Record<string, Ranges> = { d: digit, w: word, s: space };
const controls: Record<string, number> = { n: 0x0a, t: 0x09, r: 0x0d, f: 0x0c, v: 0x0b, a: 0x07 };

/** All code points but these, which are in order; from 1, because no text holds NUL. */
function others(ranges: Ranges): Ranges {
  const rest: [number, number][] = [];
  let from = 1;
  for (const [low, high] of ranges) {
    if (low > from) rest.push([from, low - 1]);
    from = high + 1;
  }
  return from > LAST ? rest : [...rest, [from, LAST]];
}

const single = (point: number): Pattern => ({ is: "class", ranges: [[point, point]], negated: false });

/** Reads a pattern that RE2 has taken. Throws ExpressionError for what PostgreSQL would understand otherwise. */
export const readPattern = (source: string, at: number): Pattern => new Reader(source, at).read();

class Reader {
  readonly #letters: readonly string[];
  readonly #at: number;
  #place = 0;

  constructor(source: string, at: number) {
    this.#letters = [...source];
    this.#at = at;
  }

  read(): Pattern {
    const pattern = this.#choice();
    return this.#place === this.#letters.length ? pattern : this.#refuse(this.#next());
  }

  #refuse(what: string): never {
    throw new ExpressionError(this.#at, messages.patternUnsupported(what));
  }

  #peek(text: string): boolean {
    return this.#ahead(text.length) === text;
  }

  #ahead(count: number): string {
    return this.#letters.slice(this.#place, this.#place + count).join("");
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#place += text.length;
    return true;
  }

  #next(): string {
    return this.#letters[this.#place++] ?? this.#refuse("an open end");
  }

  #choice(): Pattern {
    const items = [this.#sequence()];
    while (this.#take("|")) items.push(this.#sequence());
    return items.length === 1 && items[0] ? items[0] : { is: "choice", items };
  }

  #sequence(): Pattern {
    const items: Pattern[] = [];
    while (this.#place < this.#letters.length && !this.#peek("|") && !this.#peek(")")) items.push(this.#repeated());
    return { is: "sequence", items };
  }

  #repeated(): Pattern {
    const of = this.#atom();
    const count = this.#repetition();
    if (!count) return of;
    if (of.is === "start" || of.is === "end") this.#refuse("repeated ^ or $");
    // Whether it is greedy decides what is found, not whether something is.
    this.#take("?");
    if (this.#repetition()) this.#refuse("a repetition of a repetition");
    const [min, max] = count;
    if (min > MAX_REPEAT || (max ?? 0) > MAX_REPEAT) this.#refuse(`more than ${MAX_REPEAT} repetitions`);
    return { is: "repeat", of, min, max };
  }

  #repetition(): [min: number, max: number | undefined] | undefined {
    if (this.#take("*")) return [0, undefined];
    if (this.#take("+")) return [1, undefined];
    if (this.#take("?")) return [0, 1];
    const braces = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.#ahead(LONGEST_ESCAPE));
    if (!braces) return undefined;
    const [all, min, comma, max] = braces;
    this.#place += all.length;
    return [Number(min), comma ? (max ? Number(max) : undefined) : Number(min)];
  }

  #atom(): Pattern {
    const letter = this.#next();
    if (letter === "^") return { is: "start" };
    if (letter === "$") return { is: "end" };
    if (letter === ".") return { is: "class", ranges: [[0x0a, 0x0a]], negated: true };
    if (letter === "(") return this.#group();
    if (letter === "[") return this.#characterClass();
    return letter === "\\" ? this.#escape() : single(code(letter));
  }

  #group(): Pattern {
    if (this.#take("?") && !this.#take(":")) {
      const named = /^P?<\w+>/.exec(this.#letters.slice(this.#place).join(""));
      this.#place += named ? named[0].length : this.#refuse("flags such as (?i)");
    }
    const inner = this.#choice();
    this.#take(")");
    return inner;
  }

  #escape(): Pattern {
    if (this.#take("A")) return { is: "start" };
    if (this.#take("z")) return { is: "end" };
    const letter = this.#letters[this.#place] ?? "";
    const ranges = classes[letter.toLowerCase()];
    if (!ranges) return single(this.#character());
    this.#place++;
    return { is: "class", ranges, negated: letter !== letter.toLowerCase() };
  }

  /** What follows a backslash and stands for one character. */
  #character(): number {
    const letter = this.#next();
    const control = controls[letter];
    if (control !== undefined) return control;
    if (letter === "x") return this.#hexadecimal();
    return /[A-Za-z0-9]/.test(letter) ? this.#refuse(`\\${letter}`) : code(letter);
  }

  #hexadecimal(): number {
    const found = /^(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))/.exec(this.#ahead(LONGEST_ESCAPE));
    const point = Number.parseInt(found?.[1] ?? found?.[2] ?? "", 16);
    const isCharacter = point > 0 && point <= LAST && !(point >= 0xd800 && point <= 0xdfff);
    if (!found || !isCharacter) return this.#refuse("\\x of no character");
    this.#place += found[0].length;
    return point;
  }

  #characterClass(): Pattern {
    const negated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    // A closing bracket that comes first stands for itself.
    do {
      if (this.#peek("[:")) this.#refuse("[:name:]");
      ranges.push(...this.#classItem());
    } while (!this.#take("]"));
    return { is: "class", ranges: merge(ranges), negated };
  }

  #classItem(): Ranges {
    const letter = this.#peek("\\") ? (this.#letters[this.#place + 1] ?? "") : "";
    const named = classes[letter.toLowerCase()];
    if (named) {
      this.#place += 2;
      return letter === letter.toLowerCase() ? named : others(named);
    }
    const from = this.#classCharacter();
    const isRange = this.#peek("-") && this.#letters[this.#place + 1] !== "]";
    if (!isRange) return [[from, from]];
    this.#place++;
    return [[from, this.#classCharacter()]];
  }

  #classCharacter(): number {
    return this.#take("\\") ? this.#character() : code(this.#next());
  }
}

/** In order and without overlaps. */
function merge(ranges: Ranges): Ranges {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}
