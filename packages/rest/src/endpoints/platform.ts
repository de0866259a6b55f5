import { GuanxiError } from "@guanxi/base";
import type { Backup, Kernel, Tenant } from "@guanxi/kernel";
import { answer, type Answer, noContent } from "../answer.ts";
import type { Call } from "../call.ts";
import { noParameters, type Parameters, readFromQuery, restoreParameters } from "../parameters.ts";
import { bodyOf, readJson, readQuery } from "../request.ts";
import type { Endpoint, Method, Params } from "./endpoint.ts";

const list = "/platform/tenants";
const one = "/platform/tenants/:id";

/** What an operator sees of a tenant; where its data lies is nobody's business over HTTP. */
const shown = ({ id, name, plugins, createdAt }: Tenant): object => ({ id, name, plugins, createdAt });

const backupType = "application/vnd.guanxi.backup";

/** A `HEAD` starts none. */
const backupAnswer = (call: Call, backup: Backup): Answer => ({
  status: 200,
  ...(call.request.method === "HEAD" ? {} : { stream: backup.open() }),
  headers: { "content-type": backupType, "content-disposition": `attachment; filename="${backup.name}"` },
});

/** Tenants, for the operator alone. `gate` throws for everybody else. */
export function platformEndpoints(kernel: Kernel, gate: (call: Call) => Promise<void>): readonly Endpoint[] {
  const withQuery = <T>(
    method: Method,
    path: string,
    accepted: Parameters<T>,
    handle: (call: Call, params: Params, query: T) => Promise<Answer>,
  ): Endpoint => ({
    method,
    path,
    run: async (call, params) => {
      await gate(call);
      return handle(call, params, readFromQuery(readQuery(call.request.url), accepted));
    },
  });
  const endpoint = (method: Method, path: string, handle: (call: Call, params: Params) => Promise<Answer>): Endpoint =>
    withQuery(method, path, noParameters, handle);
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
    endpoint("POST", "/platform/master-key/rotate", async () => answer(200, await kernel.tenants.rewrapKeys())),
    endpoint("POST", `${one}/copy`, async (call, { id = "" }) => {
      const tenant = await kernel.tenants.copy(id, await readJson(call));
      return answer(201, tenant, { location: `${list}/${tenant.id}` });
    }),
    endpoint("GET", `${one}/backup`, async (call, { id = "" }) => backupAnswer(call, await kernel.tenants.backup(id))),
    endpoint("GET", "/platform/backup", async (call) => backupAnswer(call, await kernel.tenants.backup())),
    withQuery("POST", "/platform/restore", restoreParameters, async (call, _params, options) => {
      const body = bodyOf(call, [backupType, "application/octet-stream"]);
      if (body === null) throw new GuanxiError("MALFORMED", { detail: "The body is the file of a backup." });
      return answer(201, { tenants: await kernel.tenants.restore(body, options) });
    }),
  ];
}
