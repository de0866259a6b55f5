import type { Call } from "../call.ts";
import type { Endpoint } from "./endpoint.ts";

/** What the process counts, as text in the format that its type names. */
export type Metrics = () => Promise<{ readonly contentType: string; readonly text: string }>;

/** Numbers tell of all tenants together, so they are for the operator alone: `gate` throws for everybody else. */
export const metricsEndpoint = (metrics: Metrics, gate: (call: Call) => Promise<void>): Endpoint => ({
  method: "GET",
  path: "/metrics",
  run: async (call) => {
    await gate(call);
    const { contentType, text } = await metrics();
    return { status: 200, text, headers: { "content-type": contentType } };
  },
});
