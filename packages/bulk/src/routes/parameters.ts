import { GuanxiError, type Issue, text } from "@guanxi/base";

const message = (path: string, en: string, cn: string, tw: string): Issue => ({
  path,
  code: "parameter",
  text: text(en, cn, tw),
});

/** Reads a query's parameters; `done` throws QUERY with every fault, those that nobody asked for among them. */
export class QueryReader {
  readonly #query: URLSearchParams;
  readonly #asked = new Set<string>();
  readonly #issues: Issue[] = [];

  constructor(query: URLSearchParams) {
    this.#query = query;
  }

  text(name: string): string | undefined {
    this.#asked.add(name);
    if (this.#query.getAll(name).length > 1)
      this.#issues.push(message(name, "is given more than once", "重复给出", "重複給出"));
    return this.#query.get(name) ?? undefined;
  }

  choice<T extends string>(name: string, values: readonly T[]): T | undefined {
    const given = this.text(name);
    const value = values.find((v) => v === given);
    if (given !== undefined && value === undefined)
      this.#issues.push({ path: name, code: "enum", params: { values: values.join(", ") } });
    return value;
  }

  flag(name: string, preset: boolean): boolean {
    const given = this.choice(name, ["true", "false"]);
    return given === undefined ? preset : given === "true";
  }

  integer(name: string, minimum: number, maximum: number, preset: number): number {
    const given = this.text(name);
    if (given === undefined) return preset;
    const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    this.#issues.push(
      message(
        name,
        `must be from ${minimum} to ${maximum}`,
        `必须是 ${minimum} 到 ${maximum}`,
        `必須是 ${minimum} 到 ${maximum}`,
      ),
    );
    return preset;
  }

  fault(issue: Issue): void {
    this.#issues.push(issue);
  }

  done(): void {
    for (const name of new Set(this.#query.keys()))
      if (!this.#asked.has(name))
        this.#issues.push({
          ...message(name, 'there is no parameter "{parameter}"', "没有参数“{parameter}”", "沒有參數「{parameter}」"),
          params: { parameter: name },
        });
    if (this.#issues.length > 0) throw new GuanxiError("QUERY", { issues: this.#issues });
  }
}

const encode = (seq: number): string => Buffer.from(`j${seq}`).toString("base64url");
const decode = (cursor: string): number | undefined => {
  const seq = /^j(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  return seq === undefined ? undefined : Number(seq);
};
export { encode as cursorOf };

export function readCursor(query: QueryReader): number | undefined {
  const cursor = query.text("cursor");
  const seq = cursor === undefined ? undefined : decode(cursor);
  if (cursor !== undefined && seq === undefined)
    query.fault(message("cursor", "is not a cursor of this list", "不是此列表的游标", "不是此清單的游標"));
  return seq;
}
