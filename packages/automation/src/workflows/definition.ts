import type { Locale } from "@guanxi/base";

/** Triggers that run after the commit; `manual` ones start by a request only. */
export const afterTriggers = ["created", "updated", "deleted", "manual"] as const;
/** Triggers inside the request: they may change the record or refuse the write. */
export const beforeTriggers = ["before_create", "before_update", "before_delete"] as const;
export const triggers = [...beforeTriggers, ...afterTriggers] as const;
export type Trigger = (typeof triggers)[number];
export const isTrigger = (value: unknown): value is Trigger => (triggers as readonly unknown[]).includes(value);

/** A workflow as a user writes it (`schemas/workflow.json`). */
export interface WorkflowDefinition {
  readonly $schema?: string;
  readonly name: string;
  readonly title?: string;
  readonly titles?: Partial<Record<Locale, string>>;
  readonly description?: string;
  readonly object: string;
  readonly on: Trigger;
  /** Only for `updated` and `before_update`: the fields of which one must have changed. */
  readonly fields?: readonly string[];
  /** CEL on the record, `old` and `user`; the workflow starts when it holds. */
  readonly when?: string;
  /** Before-scripts of one write run from low to high. */
  readonly order?: number;
  /** Absent: with the rights of whoever published it. `system`: with all rights, which only an administrator may publish. */
  readonly as?: "system";
  /** False keeps the definition without starting it. */
  readonly active?: boolean;
  readonly script: string;
}

export const defaultOrder = 100;
/** Low enough for an index entry and a file name in stack traces. */
export const nameLength = 60;
export const namePattern = "^[a-z][a-z0-9_]*$";

export const isBefore = (on: Trigger): boolean => (beforeTriggers as readonly string[]).includes(on);
