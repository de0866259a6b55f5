import type { HostCall } from "./call.ts";

export const recordsDelete: HostCall = {
  op: "records.delete",
  kind: "effect",
  inBefore: false,
  declaration: `/** It can be restored. */
delete(id: string): Promise<null>;`,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    await kernel.records.delete(session, args.text("object"), args.text("id"));
    return "null";
  },
};
