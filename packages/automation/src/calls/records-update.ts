import type { HostCall } from "./call.ts";

/** `crm.records(object).update(id, patch)` → the record after it; `patch` is a JSON merge patch. */
export const recordsUpdate: HostCall = {
  op: "records.update",
  kind: "effect",
  inBefore: false,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    const answer = await kernel.records.update(session, args.text("object"), args.text("id"), args.value("patch"));
    return answer.text;
  },
};
