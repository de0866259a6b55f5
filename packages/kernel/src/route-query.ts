import { GuanxiError, isId, type Issue, text } from "@guanxi/base";
import { defaultLimit, maxLimit } from "@guanxi/query";

/** A page of a list that shows newest first what is numbered in the order in which it came. */
export interface Page {
  readonly limit: number;
  /** Only what came before this number. */
  readonly before?: number;
}

/** The values of a route's query. An unfit one is noted as an issue and read as if it were not there. */
export interface RouteQuery {
  text(name: string): string | undefined;
  choice<T extends string>(name: string, values: readonly T[]): T | undefined;
  flag(name: string, preset: boolean): boolean;
  id(name: string): string | undefined;
  /** `limit` and `cursor`, this being one of `pageCursor(list, …)`. */
  page(list: string): Page;
}

/**
 * Reads the query of a route, whose names `rest` has checked already. Throws QUERY with every fault, in the words in which lists of
 * records tell of theirs.
 */
export function readRouteQuery<T>(query: URLSearchParams, read: (query: RouteQuery) => T): T {
  const issues: Issue[] = [];
  const values = read(createReader(query, (issue) => void issues.push(issue)));
  if (issues.length > 0) throw new GuanxiError("QUERY", { issues });
  return values;
}

/** What is wrong with a parameter. */
type Fault = Omit<Issue, "path">;

function createReader(query: URLSearchParams, fault: (issue: Issue) => void): RouteQuery {
  /** The parameter's value where it is given and `parse` makes something of it. */
  function given<T>(path: string, parse: (raw: string) => T | Fault): T | undefined {
    const raw = query.get(path);
    if (raw === null) return undefined;
    const value = raw.includes("\0") ? { code: "characters" as const } : parse(raw);
    if (!isFault(value)) return value;
    fault({ path, ...value });
    return undefined;
  }

  const choice = <T extends string>(name: string, values: readonly T[]): T | undefined =>
    given<T>(name, (raw) => values.find((v) => v === raw) ?? { code: "enum", params: { values: values.join(", ") } });

  return {
    text: (name) => given(name, (raw) => raw),
    choice,
    flag(name, preset) {
      const word = choice(name, ["true", "false"]);
      return word === undefined ? preset : word === "true";
    },
    id: (name) => given<string>(name, (raw) => (isId(raw) ? raw : { code: "format", params: { format: "id" } })),
    page(list) {
      const limit = given("limit", readLimit) ?? defaultLimit;
      const before = given("cursor", (raw) => readCursor(list, raw));
      return before === undefined ? { limit } : { limit, before };
    },
  };
}

const isFault = (value: unknown): value is Fault => typeof value === "object" && value !== null;

function readLimit(raw: string): number | Fault {
  if (!/^-?\d{1,15}$/.test(raw)) return { code: "type", params: { type: "integer" } };
  const limit = Number(raw);
  if (limit < 1) return { code: "minimum", params: { limit: 1 } };
  return limit > maxLimit ? { code: "maximum", params: { limit: maxLimit } } : limit;
}

const otherList: Fault = {
  code: "parameter",
  text: text("this cursor belongs to another query", "此游标属于另一个查询", "此游標屬於另一個查詢"),
};

function readCursor(list: string, cursor: string): number | Fault {
  const [name, number = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  return name === list && /^\d{1,15}$/.test(number) ? Number(number) : otherList;
}

/** The cursor of the page after the row of this number. */
export const pageCursor = (list: string, number: number): string =>
  Buffer.from(`${list} ${number}`).toString("base64url");
