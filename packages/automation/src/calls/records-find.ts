import type { HostCall } from "./call.ts";

/** `crm.records(object).find({filter, order, limit, select, expand})` → an array of records; `limit` as in the API. */
export const recordsFind: HostCall = {
  op: "records.find",
  kind: "read",
  inBefore: true,
  async run({ kernel, session, budget }, args) {
    const query = args.query("query", ["filter", "order", "select", "expand"]);
    const { data } = JSON.parse(await kernel.records.list(session, args.text("object"), query)) as { data: unknown[] };
    budget.read(data.length);
    return JSON.stringify(data);
  },
};
