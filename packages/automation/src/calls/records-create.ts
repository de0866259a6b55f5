import type { HostCall } from "./call.ts";

export const recordsCreate: HostCall = {
  op: "records.create",
  kind: "effect",
  inBefore: false,
  declaration: `/** The new record. */
create(value: Objects[N]["create"]): Promise<Read<N>>;`,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    const answer = await kernel.records.create(session, args.text("object"), args.value("value"));
    return answer.text;
  },
};
