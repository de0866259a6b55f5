import { text } from "@guanxi/base";
import type { Route, RouteRequest } from "@guanxi/kernel";
import type { MappingStore } from "../mapping/store.ts";
import { bodies, importTag, schemas } from "./schemas.ts";

const common = { tag: importTag, schemas };
const nameOf = ({ params }: RouteRequest): string => params["name"] ?? "";

/** `/api/meta/mappings`. */
export const mappingRoutes = (mappings: MappingStore): Route[] => [
  {
    method: "GET",
    path: "/api/meta/mappings",
    ...common,
    operationId: "listMappings",
    summary: text("Mappings for imports", "导入映射", "匯入對應"),
    responses: { 200: { content: bodies.mappings } },
    async handle(session) {
      return { status: 200, body: { data: await mappings.list(session) } };
    },
  },
  {
    method: "GET",
    path: "/api/meta/mappings/:name",
    ...common,
    operationId: "getMapping",
    summary: text("A mapping as it was stored", "已保存的映射", "已儲存的對應"),
    responses: { 200: { content: bodies.mapping } },
    async handle(session, request) {
      return { status: 200, body: await mappings.read(session, nameOf(request)) };
    },
  },
  {
    method: "PUT",
    path: "/api/meta/mappings/:name",
    ...common,
    operationId: "putMapping",
    summary: text(
      "Store a mapping; imports name it by ?mapping=",
      "保存映射；导入时用 ?mapping= 指定",
      "儲存對應；匯入時用 ?mapping= 指定",
    ),
    right: "edit_metadata",
    request: { content: bodies.mapping },
    responses: { 200: { content: bodies.mapping }, 201: { content: bodies.mapping } },
    async handle(session, request) {
      const body = await request.json();
      const { definition, created } = await mappings.write(session, nameOf(request), body, request.locale);
      return { status: created ? 201 : 200, body: definition };
    },
  },
  {
    method: "DELETE",
    path: "/api/meta/mappings/:name",
    ...common,
    operationId: "deleteMapping",
    summary: text(
      "Remove a mapping; jobs that began with it go on",
      "删除映射；已开始的任务继续进行",
      "刪除對應；已開始的作業繼續進行",
    ),
    right: "edit_metadata",
    responses: { 204: {} },
    async handle(session, request) {
      await mappings.remove(session, nameOf(request));
      return { status: 204 };
    },
  },
];
