import type { HostCall } from "./call.ts";

/** `crm.records(object).create(value)` → the new record. */
export const recordsCreate: HostCall = {
  op: "records.create",
  kind: "effect",
  inBefore: false,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    const answer = await kernel.records.create(session, args.text("object"), args.value("value"));
    return answer.text;
  },
};
