import type { Route, RouteRequest } from "@guanxi/kernel";
import type { MappingStore } from "../mapping/store.ts";
import { QueryReader } from "./parameters.ts";
import { mappingBody } from "./schemas.ts";

const tag = "metadata";
const nameOf = ({ params }: RouteRequest): string => params["name"] ?? "";

/** `/api/meta/mappings`. */
export const mappingRoutes = (mappings: MappingStore): Route[] => [
  {
    method: "GET",
    path: "/api/meta/mappings",
    summary: "Mappings for imports",
    tag,
    response: { type: "object", properties: { data: { type: "array", items: mappingBody } } },
    async handle(session, request) {
      new QueryReader(request.query).done();
      return { status: 200, body: { data: await mappings.list(session) } };
    },
  },
  {
    method: "GET",
    path: "/api/meta/mappings/:name",
    summary: "A mapping as it was stored",
    tag,
    response: mappingBody,
    async handle(session, request) {
      new QueryReader(request.query).done();
      return { status: 200, body: await mappings.read(session, nameOf(request)) };
    },
  },
  {
    method: "PUT",
    path: "/api/meta/mappings/:name",
    summary: "Store a mapping; imports name it by ?mapping=",
    tag,
    request: mappingBody,
    response: mappingBody,
    async handle(session, request) {
      new QueryReader(request.query).done();
      const { definition, created } = await mappings.write(session, nameOf(request), await request.json());
      return { status: created ? 201 : 200, body: definition };
    },
  },
  {
    method: "DELETE",
    path: "/api/meta/mappings/:name",
    summary: "Remove a mapping; jobs that began with it go on",
    tag,
    async handle(session, request) {
      new QueryReader(request.query).done();
      await mappings.remove(session, nameOf(request));
      return { status: 204 };
    },
  },
];
