import { text, toProblem } from "@guanxi/base";
import {
  type ChangeSetAnswer,
  type ChangeSetOptions,
  changeSetList,
  isStillBuilding,
  type Kernel,
  readRouteQuery,
  roleSchema,
  type Route,
  type RouteAnswer,
  type RouteParameter,
  type RouteRequest,
  type RouteSchema,
  type Session,
  settingsSchema,
  type StillBuilding,
} from "@guanxi/kernel";
import { metaTag } from "./tags.ts";

const words: RouteSchema = { type: "array", items: { type: "string" } };
const definitions: RouteSchema = { type: "array", items: { type: "object" } };

const parts = {
  objects: {
    type: "array",
    items: {
      anyOf: [{ $ref: "#/components/schemas/ObjectDefinition" }, { $ref: "#/components/schemas/ObjectExtension" }],
    },
  },
  workflows: { ...definitions, description: "As PUT /api/meta/workflows/{name} takes them" },
  mappings: { ...definitions, description: "As PUT /api/meta/mappings/{name} takes them, with their names" },
  roles: { type: "array", items: roleSchema },
  settings: settingsSchema,
  delete: {
    type: "object",
    description: "Names; what is not there is no fault",
    properties: { objects: words, workflows: words, mappings: words, roles: words },
  },
};
const options = {
  message: { type: "string", maxLength: 1000, description: "Why" },
  allow: { ...words, description: "Data that may be lost: drop:property.fee" },
};

const step: RouteSchema = {
  type: "object",
  required: ["kind", "name", "effect"],
  properties: {
    kind: { type: "string", description: "objects, workflows, mappings, roles, settings or plugins" },
    name: { type: "string" },
    effect: { type: "string" },
    rows: { type: "integer", description: "Records that it goes through; in plans" },
    loses: {
      type: "object",
      description: "Values, or records, that are lost, and the word that allows it",
      properties: { count: { type: "integer" }, allow: { type: "string" }, allowed: { type: "boolean" } },
    },
    inTheWay: {
      type: "object",
      description: "Records that must be mended first: how many, and the first of them",
      properties: {
        count: { type: "integer" },
        records: {
          type: "array",
          items: { type: "object", properties: { id: { type: "string" }, value: { type: ["string", "null"] } } },
        },
      },
    },
    usedBy: { ...words, description: "What names it today" },
    breaks: { ...words, description: "Those that would name nothing afterwards" },
    note: { type: "string" },
  },
};
const steps: RouteSchema = { type: "array", items: { $ref: "#/components/schemas/ChangeSetStep" } };

const answer: RouteSchema = {
  type: "object",
  required: ["id", "version", "ok", "steps"],
  properties: {
    id: { type: ["string", "null"], description: "Null in plans, and where nothing changed" },
    version: { type: "integer", description: "The metadata version" },
    ok: { type: "boolean", description: "Whether it was applied, or would be" },
    steps,
  },
};

const building: RouteSchema = {
  type: "object",
  required: ["id", "state"],
  properties: { id: { type: "string", format: "uuid" }, state: { type: "string", const: "building" } },
};

const entry: RouteSchema = {
  type: "object",
  required: ["id", "state", "version", "at", "by", "message", "reverts", "pruned", "changes", "steps"],
  properties: {
    id: { type: "string", format: "uuid" },
    state: { type: "string", enum: ["building", "applied", "failed"] },
    version: { type: ["integer", "null"], description: "Null unless it is applied" },
    at: { type: "string", format: "date-time" },
    by: { type: ["string", "null"], description: "The user; null for the platform itself" },
    message: { type: ["string", "null"] },
    reverts: { type: ["string", "null"], description: "The change set that this one took back" },
    pruned: {
      type: "boolean",
      description: "Whether its definitions are no longer kept, so that it cannot be taken back",
    },
    changes: {
      type: "array",
      description: "Definitions; before and after only where one change set is asked for and they are kept",
      items: {
        type: "object",
        required: ["kind", "name"],
        properties: { kind: { type: "string" }, name: { type: "string" }, before: {}, after: {} },
      },
    },
    steps,
    progress: {
      type: "object",
      description: "Of one that is being built",
      required: ["done", "of", "now"],
      properties: {
        done: { type: "integer", description: "Steps that are done" },
        of: { type: "integer", description: "Steps there are" },
        now: { type: "string", description: "What is being done" },
        phase: { type: "string", description: "The same in PostgreSQL's words, of an index" },
        share: { type: "number", minimum: 0, maximum: 1, description: "How far that phase is" },
      },
    },
    problem: { type: "object", description: "Why it failed, as the answer would have been" },
  },
};

const schemas = {
  ChangeSet: { type: "object", properties: { ...parts, ...options }, additionalProperties: false },
  ChangeSetOptions: { type: "object", properties: options, additionalProperties: false },
  ChangeSetAnswer: answer,
  ChangeSetBuilding: building,
  ChangeSetEntry: entry,
  ChangeSetStep: step,
  Customisation: {
    type: "object",
    required: ["version", "objects", "settings", "delete", "brought"],
    properties: {
      version: { type: "integer" },
      ...parts,
      brought: {
        type: "object",
        description: "Those of the definitions that the platform brings in another form, by kind",
        additionalProperties: words,
      },
    },
  },
} as const;

const content = (name: keyof typeof schemas) => ({
  "application/json": { $ref: `#/components/schemas/${name}` },
});
const common = { tag: metaTag, right: "edit_metadata", schemas } as const;

export const planParameter: RouteParameter = {
  name: "plan",
  description: text(
    "Answer what would happen and change nothing",
    "仅返回将发生的变化，不执行",
    "僅回傳將發生的變化，不執行",
  ),
  schema: { type: "boolean", default: false },
};

/** The answer to a change of definitions that is not done in time. */
export const buildingAnswer = (body: StillBuilding): RouteAnswer => ({
  status: 202,
  body,
  headers: { location: `/api/meta/changes/${body.id}` },
});

/** What such an answer is, for those beside change sets that may give it. */
export const buildingResponse = {
  content: { "application/json": building },
  headers: ["Location"],
} as const;

/** Change sets: several definitions at once, all or nothing; their history and the way back. */
export function changeSetRoutes(kernel: Kernel): readonly Route[] {
  const id = ({ params }: RouteRequest): string => params["id"] ?? "";
  const optionsOf = async (
    session: Session,
    { query, locale, ifVersion }: RouteRequest,
  ): Promise<ChangeSetOptions> => ({
    plan: readRouteQuery(query, (given) => given.flag("plan", false)),
    locale,
    ifVersion: await ifVersion(async () => (await kernel.refresh(session)).snapshot.version),
  });
  const answered = (body: ChangeSetAnswer | StillBuilding): RouteAnswer =>
    isStillBuilding(body) ? buildingAnswer(body) : { status: 200, body, headers: { ETag: `"${body.version}"` } };
  const writes = {
    ...common,
    query: [planParameter],
    conditions: ["If-Match"],
    responses: {
      200: { content: content("ChangeSetAnswer"), headers: ["ETag"] },
      202: { content: content("ChangeSetBuilding"), headers: ["Location"] },
    },
  } as const;
  return [
    {
      method: "GET",
      path: "/api/meta/customisation",
      ...common,
      operationId: "getCustomisation",
      summary: text(
        "What the tenant has of its own, as a change set takes it",
        "租户的全部定制，格式与变更集相同",
        "租戶的全部自訂，格式與變更集相同",
      ),
      responses: { 200: { content: content("Customisation"), headers: ["ETag"] } },
      async handle(session) {
        const body = await kernel.metadata.customisation(session);
        return { status: 200, body, headers: { ETag: `"${body.version}"` } };
      },
    },
    {
      method: "POST",
      path: "/api/meta/changes",
      ...writes,
      operationId: "applyChangeSet",
      summary: text(
        "Change several definitions at once, all or nothing",
        "一次更改多个定义（全部成功或全部不变）",
        "一次變更多個定義（全部成功或全部不變）",
      ),
      request: { content: content("ChangeSet") },
      async handle(session, request) {
        const body = await request.json();
        return answered(await kernel.metadata.apply(session, body, await optionsOf(session, request)));
      },
    },
    {
      method: "GET",
      path: "/api/meta/changes",
      ...common,
      operationId: "listChangeSets",
      summary: text("Change sets, newest first", "变更集（最新在前）", "變更集（最新在前）"),
      query: ["limit", "cursor"],
      responses: {
        200: {
          content: {
            "application/json": {
              type: "object",
              required: ["data", "next"],
              properties: {
                data: { type: "array", items: { $ref: "#/components/schemas/ChangeSetEntry" } },
                next: { type: ["string", "null"] },
              },
            },
          },
        },
      },
      async handle(session, { query }) {
        const page = readRouteQuery(query, (given) => given.page(changeSetList));
        return { status: 200, body: await kernel.metadata.history(session, page) };
      },
    },
    {
      method: "GET",
      path: "/api/meta/changes/:id",
      ...common,
      operationId: "getChangeSet",
      summary: text("A change set, with its definitions before and after", "变更集及其前后定义", "變更集及其前後定義"),
      responses: { 200: { content: content("ChangeSetEntry") } },
      async handle(session, request) {
        const { problem, ...found } = await kernel.metadata.changeSet(session, id(request));
        const why = problem && { problem: toProblem(problem, request.locale, found.id) };
        return { status: 200, body: { ...found, ...why } };
      },
    },
    {
      method: "POST",
      path: "/api/meta/changes/:id/revert",
      ...writes,
      operationId: "revertChangeSet",
      summary: text(
        "Take a change set back; data that it dropped does not return",
        "撤销变更集；已删除的数据不会恢复",
        "復原變更集；已刪除的資料不會恢復",
      ),
      request: { content: content("ChangeSetOptions"), optional: true },
      async handle(session, request) {
        const body = request.headers.get("content-type") === null ? {} : await request.json();
        const options = await optionsOf(session, request);
        return answered(await kernel.metadata.revert(session, id(request), body, options));
      },
    },
  ];
}
