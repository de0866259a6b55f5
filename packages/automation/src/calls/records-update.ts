import type { HostCall } from "./call.ts";

export const recordsUpdate: HostCall = {
  op: "records.update",
  kind: "effect",
  inBefore: false,
  declaration: `/** The changed record; null empties a field. */
update(id: string, patch: Objects[N]["patch"]): Promise<Read<N>>;`,
  async run({ kernel, session, budget }, args) {
    budget.write(1);
    const answer = await kernel.records.update(session, args.text("object"), args.text("id"), args.value("patch"));
    return answer.text;
  },
};
