import { GuanxiError, type IssueCode } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";

/** What a call may use. */
export interface CallContext {
  readonly kernel: Kernel;
  /** The run's; for an effect its connection is the transaction that also journals the call. */
  readonly session: Session;
  readonly budget: Budget;
}

/** Counts the records a run reads and writes; throws `LimitPassed`. */
export interface Budget {
  read(rows: number): void;
  write(rows: number): void;
}

/**
 * One thing that a script may ask for. `read` changes nothing and may be done while others are; an `effect` is done and journalled in one
 * transaction. To add one: a file here, a line in `index.ts`, a line in `prelude.js`; the contract suite finds it by itself.
 */
export interface HostCall {
  readonly op: string;
  readonly kind: "read" | "effect";
  /** Whether before-scripts may ask for it, which must not write. */
  readonly inBefore: boolean;
  /** The call as TypeScript declares a member of `crm.records(object)`, of whose object `N` is the name. The helper types are those of `types/script.d.ts`. */
  readonly declaration: string;
  /** Resolves to JSON text; throws GuanxiError for what the script did wrong. */
  run(context: CallContext, args: CallArguments): Promise<string>;
}

/** The arguments of a call, read by name; what is missing or of another type is a VALIDATION error that the script gets. */
export interface CallArguments {
  text(name: string): string;
  value(name: string): unknown;
  /** An object of yes and no, or nothing. */
  flags<K extends string>(name: string, members: readonly K[]): Partial<Record<K, boolean>>;
  /** An object of texts and numbers, or nothing. */
  query<K extends string>(name: string, texts: readonly K[]): Partial<Record<K, string>> & { limit?: number };
}

export function readArguments(json: string): CallArguments {
  const args = (JSON.parse(json) ?? {}) as Record<string, unknown>;
  const refuse = (path: string, code: IssueCode, params: Record<string, unknown> = {}): never => {
    throw new GuanxiError("VALIDATION", { issues: [{ path, code, params }] });
  };
  const membersOf = (name: string): Record<string, unknown> => {
    const value = args[name] ?? {};
    if (typeof value !== "object" || Array.isArray(value)) return refuse(`/${name}`, "type", { type: "object" });
    return value as Record<string, unknown>;
  };
  return {
    text(name) {
      const value = args[name];
      if (value === undefined || value === null) return refuse(`/${name}`, "required");
      return typeof value === "string" ? value : refuse(`/${name}`, "type", { type: "string" });
    },
    value: (name) => args[name] ?? refuse(`/${name}`, "required"),
    flags(name, members) {
      const value = membersOf(name);
      for (const [key, given] of Object.entries(value)) {
        if (!(members as readonly string[]).includes(key)) refuse(`/${name}/${key}`, "unknown", { field: key });
        if (typeof given !== "boolean") refuse(`/${name}/${key}`, "type", { type: "boolean" });
      }
      return value as never;
    },
    query(name, texts) {
      const value = membersOf(name);
      for (const [key, given] of Object.entries(value)) {
        if (key !== "limit" && !(texts as readonly string[]).includes(key))
          refuse(`/${name}/${key}`, "unknown", { field: key });
        const type = key === "limit" ? "number" : "string";
        if (typeof given !== type) refuse(`/${name}/${key}`, "type", { type });
      }
      return value as never;
    },
  };
}
