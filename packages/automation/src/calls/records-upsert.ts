import type { HostCall } from "./call.ts";

export const recordsUpsert: HostCall = {
  op: "records.upsert",
  kind: "effect",
  inBefore: false,
  declaration: `/** The record that has \`key\` in the unique field, changed or made. */
upsert(field: Objects[N]["keys"], key: string, value: Objects[N]["patch"]): Promise<Read<N>>;`,
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
