import { GuanxiError, type Issue, type IssueCode, text } from "@guanxi/base";

/** One reference token of a JSON pointer (RFC 6901). */
export const escapeToken = (token: string): string =>
  special.test(token) ? token.replaceAll("~", "~0").replaceAll("/", "~1") : token;
const special = /[~/]/;

export const pointer = (...tokens: readonly (string | number)[]): string =>
  tokens.map((token) => `/${escapeToken(String(token))}`).join("");

/** Collects every fault of a definition before one error is thrown for all of them. */
export class Report {
  readonly issues: Issue[] = [];
  readonly #object: string | undefined;
  readonly #seen = new Set<string>();

  /** With `object`, every issue says in `params.object` which definition its path points into. */
  constructor(object?: string) {
    this.#object = object;
  }

  add(path: string, code: IssueCode, params: Record<string, unknown> = {}, extra: Partial<Issue> = {}): void {
    const key = `${path} ${code}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const all = this.#object === undefined ? params : { ...params, object: this.#object };
    this.issues.push({ path, code, ...(Object.keys(all).length === 0 ? {} : { params: all }), ...extra });
  }

  /** A fault that only definitions have, in our own words. */
  say(path: string, en: string, zhCN: string, zhTW: string): void {
    this.add(path, "definition", {}, { text: text(en, zhCN, zhTW) });
  }

  unsupported(path: string, keyword: string): void {
    this.add(path, "unsupported", { keyword });
  }

  throwIfAny(): void {
    if (this.issues.length > 0) throw definitionError(this.issues);
  }
}

export const definitionError = (issues: readonly Issue[]): GuanxiError => new GuanxiError("DEFINITION", { issues });
