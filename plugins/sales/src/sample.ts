import accounts from "../sample/accounts.json" with { type: "json" };
import activities from "../sample/activities.json" with { type: "json" };
import contacts from "../sample/contacts.json" with { type: "json" };
import leads from "../sample/leads.json" with { type: "json" };
import opportunities from "../sample/opportunities.json" with { type: "json" };
import opportunityProducts from "../sample/opportunity_products.json" with { type: "json" };
import products from "../sample/products.json" with { type: "json" };
import subsidiaries from "../sample/subsidiaries.json" with { type: "json" };
import tasks from "../sample/tasks.json" with { type: "json" };

/**
 * A record of the demo tenant. Its `@` is the name by which later records refer to it, as in `"account": "@lanyan"`; `owner` is a
 * demo user's name. `{"days": -3}` is the date three days before loading, with a `time` (UTC) the instant on that date, so that
 * open deals still lie ahead whenever the demo starts.
 */
export type SampleRecord = Readonly<Record<string, unknown>>;

/** Records of one object that only refer to those of the sets before it: each set can be created by one call. */
export interface SampleSet {
  readonly object: string;
  readonly records: readonly SampleRecord[];
}

export const salesSample: readonly SampleSet[] = [
  { object: "account", records: accounts },
  { object: "account", records: subsidiaries },
  { object: "contact", records: contacts },
  { object: "product", records: products },
  { object: "lead", records: leads },
  { object: "opportunity", records: opportunities },
  { object: "opportunity_product", records: opportunityProducts },
  { object: "task", records: tasks },
  { object: "activity", records: activities },
];

export interface SampleContext {
  readonly now: Date;
  /** Ids of users by the demo's names (`rep_a1`, …). */
  readonly users: ReadonlyMap<string, string>;
  /** Ids of the records created so far, by their `@`. */
  readonly ids: ReadonlyMap<string, string>;
}

const dayInMilliseconds = 86_400_000;

interface RelativeDate {
  readonly days: number;
  readonly time?: string;
}

function resolved({ days, time }: RelativeDate, now: Date): string {
  const date = new Date(now.getTime() + days * dayInMilliseconds).toISOString().slice(0, 10);
  return time === undefined ? date : `${date}T${time}:00Z`;
}

function found(names: ReadonlyMap<string, string>, name: string): string {
  const id = names.get(name);
  if (id === undefined) throw new Error(`The sample data refers to "${name}", which is not there`);
  return id;
}

function resolve(field: string, value: unknown, context: SampleContext): unknown {
  if (field === "owner") return found(context.users, value as string);
  if (typeof value === "string" && value.startsWith("@")) return found(context.ids, value.slice(1));
  if (typeof value === "object" && value !== null) return resolved(value as RelativeDate, context.now);
  return value;
}

/** The set's records as values to create, in the same order. */
export function sampleValues(set: SampleSet, context: SampleContext): Record<string, unknown>[] {
  return set.records.map((record) => {
    const fields = Object.entries(record).filter(([name]) => name !== "@");
    return Object.fromEntries(fields.map(([name, value]) => [name, resolve(name, value, context)]));
  });
}

/** Creates all sets in order. `create` makes records of one object and answers their ids in the order given. */
export async function loadSample(
  users: ReadonlyMap<string, string>,
  now: Date,
  create: (object: string, values: readonly Record<string, unknown>[]) => Promise<readonly string[]>,
): Promise<void> {
  const ids = new Map<string, string>();
  for (const set of salesSample) {
    const created = await create(set.object, sampleValues(set, { now, users, ids }));
    if (created.length !== set.records.length)
      throw new Error(`${created.length} of ${set.records.length} records of ${set.object} were created`);
    created.forEach((id, i) => {
      const name = set.records[i]?.["@"];
      if (typeof name === "string") ids.set(name, id);
    });
  }
}
