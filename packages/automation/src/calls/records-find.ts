import type { HostCall } from "./call.ts";

export const recordsFind: HostCall = {
  op: "records.find",
  kind: "read",
  inBefore: true,
  declaration: `/** Records that match; 50 unless \`limit\` says otherwise, 500 at most. */
find<S extends string = never, E extends string = never, D extends string = never>(query?: {
  /** A condition: \`stage == 'won' && amount > 1000\`. */
  readonly filter?: string;
  /** \`"-created_at,name"\` */
  readonly order?: OrderText<N, D>;
  readonly limit?: number;
  /** Fields of the answer, also through references: \`"name,owner.name"\`; \`*\` is every field. */
  readonly select?: SelectText<N, S>;
  /** References and lists whose ids are replaced by the records. */
  readonly expand?: ExpandText<N, E>;
}): Promise<Found<N, S, E>[]>;`,
  async run({ kernel, session, budget }, args) {
    const query = args.query("query", ["filter", "order", "select", "expand"]);
    const { data } = JSON.parse(await kernel.records.list(session, args.text("object"), query)) as { data: unknown[] };
    budget.read(data.length);
    return JSON.stringify(data);
  },
};
