import type { HostCall } from "./call.ts";

/** `crm.records(object).get(id)` → the record; NOT_FOUND also for one that the run may not see. */
export const recordsGet: HostCall = {
  op: "records.get",
  kind: "read",
  inBefore: true,
  async run({ kernel, session, budget }, args) {
    budget.read(1);
    const answer = await kernel.records.get(session, args.text("object"), args.text("id"));
    return answer.text;
  },
};
