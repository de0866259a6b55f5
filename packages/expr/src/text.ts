/** What `trim` takes away: the white space and line ends of ECMAScript, ideographic space and byte order mark included. */
export const trimmed = [
  0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007,
  0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff,
];

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

/** By code point, as `COLLATE "C"` does on UTF-8; JavaScript's own order puts U+10000 and above before U+E000. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** Characters (code points), as `char_length` counts. */
export function characters(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (!(text.charCodeAt(i) >= 0xdc00 && text.charCodeAt(i) <= 0xdfff)) count++;
  return count;
}

/** Whether PostgreSQL can store the text: no NUL and no half of a surrogate pair. */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

/**
 * Case is mapped letter by letter, by the simple mappings of Unicode 16, as PostgreSQL 18 does under its own C.UTF-8: `ß` has
 * no upper case and a final sigma is a sigma. Older servers differ on 27 letters that were given case by Unicode 16.
 */
export const lower = (text: string): string =>
  isAscii.test(text) ? text.toLowerCase() : mapLetters(text, simpleLower);
export const upper = (text: string): string =>
  isAscii.test(text) ? text.toUpperCase() : mapLetters(text, simpleUpper);

// oxlint-disable-next-line no-control-regex
const isAscii = /^[\0-\x7f]*$/;

/** Given case by Unicode 17, which JavaScript may know already and no PostgreSQL does. */
const tooNew = /[\ua7ce\ua7cf\ua7d2-\ua7d5\u{16ea0}-\u{16ed3}]/u;

function mapLetters(text: string, map: (letter: string) => string): string {
  let mapped = "";
  for (const letter of text) mapped += tooNew.test(letter) ? letter : map(letter);
  return mapped;
}

const isSingle = (text: string): boolean => text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff);

function simpleLower(letter: string): string {
  if (letter === "İ") return "i";
  const mapped = letter.toLowerCase();
  return isSingle(mapped) ? mapped : letter;
}

function simpleUpper(letter: string): string {
  const mapped = letter.toUpperCase();
  return isSingle(mapped) ? mapped : (iotaCapital(letter.codePointAt(0)!) ?? letter);
}

/** Greek letters with a subscript iota: their full mapping has two letters, their simple one has a letter of its own. */
function iotaCapital(code: number): string | undefined {
  if (code >= 0x1f80 && code <= 0x1faf && code % 16 < 8) return String.fromCodePoint(code + 8);
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9);
  return undefined;
}
