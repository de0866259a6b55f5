import type { Kernel, Tenant } from "@guanxi/kernel";
import { answer, type Answer, noContent } from "../answer.ts";
import type { Call } from "../call.ts";
import { noParameters, readFromQuery } from "../parameters.ts";
import { readJson, readQuery } from "../request.ts";
import type { Endpoint, Method, Params } from "./endpoint.ts";

const list = "/platform/tenants";
const one = "/platform/tenants/:id";

/** What an operator sees of a tenant; where its data lies is nobody's business over HTTP. */
const shown = ({ id, name, plugins, createdAt }: Tenant): object => ({ id, name, plugins, createdAt });

/** Tenants, for the operator alone. `gate` throws for everybody else. */
export function platformEndpoints(kernel: Kernel, gate: (call: Call) => Promise<void>): readonly Endpoint[] {
  const endpoint = (
    method: Method,
    path: string,
    handle: (call: Call, params: Params) => Promise<Answer>,
  ): Endpoint => ({
    method,
    path,
    run: async (call, params) => {
      await gate(call);
      readFromQuery(readQuery(call.request.url), noParameters);
      return handle(call, params);
    },
  });
  return [
    endpoint("GET", list, async () => answer(200, { data: (await kernel.tenants.list()).map(shown) })),
    endpoint("POST", list, async (call) => {
      const tenant = await kernel.tenants.create(await readJson(call));
      return answer(201, tenant, { location: `${list}/${tenant.id}` });
    }),
    endpoint("GET", one, async (_call, { id = "" }) => answer(200, shown(await kernel.tenants.get(id)))),
    endpoint("DELETE", one, async (_call, { id = "" }) => {
      await kernel.tenants.delete(id);
      return noContent;
    }),
  ];
}
