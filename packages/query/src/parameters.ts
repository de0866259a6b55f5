/** A name as an identifier. Names come from checked definitions; doubling quotes keeps even a wrong one harmless. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Who asks, and when: what a compiled statement is not made of but finds anew each time. */
export interface Asker {
  /** The actor's user id. */
  readonly user: string;
  /** The actor's user record, for `user.…` in expressions. */
  readonly userRecord: Readonly<Record<string, unknown>>;
  readonly now: Date;
  /** The value of the unique field that a record is read by. */
  readonly key?: string;
}

/** Where a parameter comes from: the statement's own value, or the asker. */
export type Slot = string | null | ((asker: Asker) => string | null);

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A value as PostgreSQL reads it. */
function printed(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) return typeof value === "object" ? JSON.stringify(value) : String(value);
  const items = value.map((v: unknown) =>
    v === null || v === undefined ? "NULL" : `"${String(v).replace(/["\\]/g, "\\$&")}"`,
  );
  return `{${items.join(",")}}`;
}

export interface ParameterSettings {
  /** Parameters before these that have fixed places. */
  readonly taken?: number;
  /** Whether the statement's own values stand in its text, where PostgreSQL can plan for them once. */
  readonly written?: boolean;
  /** What an asker brings and has its place already, by name. */
  readonly given?: Readonly<Record<string, string>>;
}

/** A value in the text. */
export function constant(value: unknown, sqlType: string): string {
  const sent = printed(value);
  return `${sent === null ? "NULL" : literal(sent)}::${sqlType}`;
}

/** Collects a statement's parameters; the same value of the same type is sent once. */
export class Parameters {
  readonly slots: Slot[] = [];
  readonly #known = new Map<string, string>();
  readonly #taken: number;
  readonly #written: boolean;
  readonly #given: ReadonlyMap<string, string>;

  constructor({ taken = 0, written = false, given = {} }: ParameterSettings = {}) {
    this.#taken = taken;
    this.#written = written;
    this.#given = new Map(Object.entries(given));
  }

  /** A value of the statement's own. */
  add(value: unknown, sqlType: string): string {
    if (this.#written) return constant(value, sqlType);
    const sent = printed(value);
    return this.#place(sent === null ? "" : `=${sent}`, sent, sqlType);
  }

  /** A value that each asker brings; `name` tells it from others. */
  find(name: string, sqlType: string, find: (asker: Asker) => unknown): string {
    return this.#given.get(name) ?? this.#place(`@${name}`, (asker) => printed(find(asker)), sqlType);
  }

  user(): string {
    return this.find("user", "uuid", (asker) => asker.user);
  }

  /** Of a statement that finds none anew. */
  get values(): (string | null)[] {
    return this.slots.map((slot) => {
      if (typeof slot === "function") throw new TypeError("the statement has a parameter that its asker brings");
      return slot;
    });
  }

  #place(source: string, slot: Slot, sqlType: string): string {
    const key = `${sqlType}\n${source}`;
    const known = this.#known.get(key);
    if (known) return known;
    this.slots.push(slot);
    const placeholder = `$${this.#taken + this.slots.length}::${sqlType}`;
    this.#known.set(key, placeholder);
    return placeholder;
  }
}
