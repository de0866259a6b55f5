import type { HostCall } from "./call.ts";

/** NOT_FOUND also for a record that the run may not see. */
export const recordsGet: HostCall = {
  op: "records.get",
  kind: "read",
  inBefore: true,
  declaration: `/** The record with this id. */
get(id: string): Promise<Read<N>>;`,
  async run({ kernel, session, budget }, args) {
    budget.read(1);
    const answer = await kernel.records.get(session, args.text("object"), args.text("id"));
    return answer.text;
  },
};
