import type { HostCall } from "./call.ts";

/** `crm.records(object).upsert(field, key, value)` → the record that has `key` in the unique field, changed or made. */
export const recordsUpsert: HostCall = {
  op: "records.upsert",
  kind: "effect",
  inBefore: false,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    const answer = await kernel.records.upsert(
      session,
      args.text("object"),
      args.text("field"),
      args.text("key"),
      args.value("value"),
    );
    return answer.text;
  },
};
