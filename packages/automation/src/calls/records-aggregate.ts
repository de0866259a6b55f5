import type { HostCall } from "./call.ts";

export const recordsAggregate: HostCall = {
  op: "records.aggregate",
  kind: "read",
  inBefore: true,
  declaration: `/** Totals by group. */
aggregate<G extends string = never, M extends string = never>(query?: {
  /** \`"stage,month(created_at)"\` */
  readonly group?: GroupText<N, G>;
  /** \`"count(),sum(amount)"\`; \`count()\` unless given. */
  readonly metrics?: MetricText<N, M>;
  readonly filter?: string;
  /** A condition on the columns of the answer. */
  readonly having?: string;
  readonly order?: string;
  readonly limit?: number;
}): Promise<Totals<N, G, M>[]>;`,
  async run({ kernel, session, budget }, args) {
    const query = args.query("query", ["group", "metrics", "filter", "having", "order"]);
    const { data } = JSON.parse(await kernel.records.aggregate(session, args.text("object"), query)) as {
      data: unknown[];
    };
    budget.read(data.length);
    return JSON.stringify(data);
  },
};
