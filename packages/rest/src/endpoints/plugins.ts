import { type Text, text } from "@guanxi/base";
import {
  isStillBuilding,
  type Kernel,
  type PluginAction,
  readRouteQuery,
  type Route,
  type RouteAnswer,
  type RouteParameter,
  type RouteRequest,
  type RouteSchema,
  type Session,
} from "@guanxi/kernel";
import { buildingAnswer, buildingResponse, planParameter } from "./changes.ts";
import { metaTag } from "./tags.ts";

const nullable = (description: string): RouteSchema => ({ type: ["string", "null"], description });

const obstacle: RouteSchema = {
  type: "object",
  required: ["path", "message", "put"],
  properties: {
    path: { type: "string", description: "Into the tenant's definitions: /lead/properties/size" },
    message: { type: "string" },
    put: {
      type: ["object", "null"],
      description: "What PUT /api/meta/objects/{name} takes to get it out of the way, where another name does",
    },
  },
};
const obstacles: RouteSchema = { type: "array", items: { $ref: "#/components/schemas/PluginObstacle" } };

const schemas = {
  PluginObstacle: obstacle,
  Plugin: {
    type: "object",
    required: ["name", "title", "titles", "requires", "version", "state", "available", "upgrade", "collisions"],
    properties: {
      name: { type: "string" },
      title: { type: "string" },
      titles: { type: "object", additionalProperties: { type: "string" } },
      requires: { type: "array", items: { type: "string" } },
      version: nullable("What the tenant has"),
      state: { type: "string", enum: ["available", "enabled", "disabled", "uninstalled"] },
      available: nullable("What this server brings"),
      upgrade: { type: "boolean", description: "Whether what it brings is newer and not here yet" },
      collisions: { ...obstacles, description: "What of the tenant's own stands in the way of the upgrade" },
    },
  },
  PluginAnswer: {
    type: "object",
    required: ["id", "version", "ok", "steps", "collisions"],
    properties: {
      id: nullable("The change set; null in plans, and where nothing changed"),
      version: { type: "integer", description: "The metadata version" },
      ok: { type: "boolean", description: "Whether it was done, or would be" },
      steps: { type: "array", items: { $ref: "#/components/schemas/ChangeSetStep" } },
      collisions: { ...obstacles, description: "In plans: what stands in the way" },
    },
  },
} as const;

const allow: RouteParameter = {
  name: "allow",
  description: text(
    "Data that may be lost, by comma: drop:lead.fax",
    "允许丢失的数据，以逗号分隔：drop:lead.fax",
    "允許遺失的資料，以逗號分隔：drop:lead.fax",
  ),
  schema: { type: "string" },
};
const purge: RouteParameter = {
  name: "purge",
  description: text(
    "Also delete its objects with their records, for good",
    "同时永久删除其对象及记录",
    "同時永久刪除其物件及記錄",
  ),
  schema: { type: "boolean", default: false },
};

const common = { tag: metaTag, right: "edit_metadata", schemas } as const;
const content = (schema: RouteSchema) => ({ "application/json": schema });
const list = "/api/meta/plugins";
const one = `${list}/:name`;

/** The plugins of a tenant: which, at which version, and what can be done with them. */
export function pluginRoutes(kernel: Kernel): readonly Route[] {
  async function act(action: PluginAction, session: Session, request: RouteRequest): Promise<RouteAnswer> {
    const { query, locale, params, ifVersion } = request;
    const body = await kernel.metadata.plugins.act(session, params["name"] ?? "", action, {
      plan: readRouteQuery(query, (given) => given.flag("plan", false)),
      allow:
        readRouteQuery(query, (given) => given.text("allow"))
          ?.split(",")
          .map((word) => word.trim()) ?? [],
      ifVersion: await ifVersion(async () => (await kernel.refresh(session)).snapshot.version),
      locale,
    });
    if (isStillBuilding(body)) return buildingAnswer(body);
    return { status: 200, body, headers: { ETag: `"${body.version}"` } };
  }

  const acting = (
    method: Route["method"],
    path: string,
    operationId: string,
    summary: Text,
    action: PluginAction | ((query: URLSearchParams) => PluginAction),
  ): Route => ({
    ...common,
    ...{ method, path, operationId, summary },
    query: [planParameter, allow, ...(typeof action === "string" ? [] : [purge])],
    conditions: ["If-Match"],
    responses: {
      200: { content: content({ $ref: "#/components/schemas/PluginAnswer" }), headers: ["ETag"] },
      202: buildingResponse,
    },
    handle: (session, request) => act(typeof action === "string" ? action : action(request.query), session, request),
  });

  return [
    {
      ...common,
      method: "GET",
      path: list,
      operationId: "listPlugins",
      summary: text(
        "The tenant's plugins, and those that it could have",
        "租户的插件及可用插件",
        "租戶的外掛及可用外掛",
      ),
      responses: {
        200: {
          content: content({
            type: "object",
            required: ["data"],
            properties: { data: { type: "array", items: { $ref: "#/components/schemas/Plugin" } } },
          }),
        },
      },
      handle: async (session, { locale }) => ({
        status: 200,
        body: { data: await kernel.metadata.plugins.list(session, locale) },
      }),
    },
    acting("PUT", one, "installPlugin", text("Install a plugin", "安装插件", "安裝外掛"), "install"),
    acting(
      "DELETE",
      one,
      "uninstallPlugin",
      text(
        "Uninstall a plugin; its records are kept aside",
        "卸载插件；其记录另行保留",
        "解除安裝外掛；其記錄另行保留",
      ),
      (query) => (readRouteQuery(query, (given) => given.flag("purge", false)) ? "purge" : "uninstall"),
    ),
    acting(
      "POST",
      `${one}/upgrade`,
      "upgradePlugin",
      text("Bring a plugin to this server's version", "将插件升级到此服务器的版本", "將外掛升級到此伺服器的版本"),
      "upgrade",
    ),
    acting(
      "POST",
      `${one}/disable`,
      "disablePlugin",
      text(
        "Take a plugin's objects out of sight; their records stay",
        "停用插件；其对象隐藏，记录保留",
        "停用外掛；其物件隱藏，記錄保留",
      ),
      "disable",
    ),
    acting(
      "POST",
      `${one}/enable`,
      "enablePlugin",
      text("Bring a disabled plugin back", "启用已停用的插件", "啟用已停用的外掛"),
      "enable",
    ),
  ];
}
