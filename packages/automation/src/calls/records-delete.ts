import type { HostCall } from "./call.ts";

export const recordsDelete: HostCall = {
  op: "records.delete",
  kind: "effect",
  inBefore: false,
  declaration: `/** It can be restored, unless it is purged: that is for good, also for a record that is deleted already. */
delete(id: string, options?: { readonly purge?: boolean }): Promise<null>;`,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    await kernel.records.delete(session, args.text("object"), args.text("id"), args.flags("options", ["purge"]));
    return "null";
  },
};
