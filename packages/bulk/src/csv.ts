/**
 * Spreadsheets run a cell that begins with one of these as a formula. An export puts an apostrophe before such a text, and one more before
 * what looks like a guarded text already; an import takes one away, so that what was exported comes back as it was.
 */
const risky = /^'*[=+\-@\t\r]/;
const guardedText = /^'+[=+\-@\t\r]/;

export const guarded = (text: string): string => (risky.test(text) ? `'${text}` : text);
export const unguarded = (text: string): string => (guardedText.test(text) ? text.slice(1) : text);
