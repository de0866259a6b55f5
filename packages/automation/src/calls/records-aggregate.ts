import type { HostCall } from "./call.ts";

/** `crm.records(object).aggregate({group, metrics, filter, having, order, limit})` → an array of groups. */
export const recordsAggregate: HostCall = {
  op: "records.aggregate",
  kind: "read",
  inBefore: true,
  async run({ kernel, session, budget }, args) {
    const query = args.query("query", ["group", "metrics", "filter", "having", "order"]);
    const { data } = JSON.parse(await kernel.records.aggregate(session, args.text("object"), query)) as {
      data: unknown[];
    };
    budget.read(data.length);
    return JSON.stringify(data);
  },
};
