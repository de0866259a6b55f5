import type { HostCall } from "./call.ts";

/** `crm.records(object).delete(id)` → null. */
export const recordsDelete: HostCall = {
  op: "records.delete",
  kind: "effect",
  inBefore: false,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    await kernel.records.delete(session, args.text("object"), args.text("id"));
    return "null";
  },
};
