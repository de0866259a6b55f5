import { type Locale, render, type Text, text } from "@guanxi/base";
import type { oas31 } from "openapi3-ts";
import type { Condition } from "../conditions.ts";
import type { DescribedParameter } from "../endpoints/endpoint.ts";

export type Schema = oas31.SchemaObject | oas31.ReferenceObject;

export const ref = (kind: "schemas" | "parameters" | "responses" | "headers", name: string): oas31.ReferenceObject => ({
  $ref: `#/components/${kind}/${name}`,
});

/** Headers that a call takes. */
export const headersOf = (conditions: readonly Condition[], writes: boolean): readonly string[] => [
  ...conditions,
  ...(writes ? ["Idempotency-Key"] : []),
];

/** Adds the query parameters and headers of a call to the shared ones → references to them; those without a key stay its own. */
export function addParameters(
  builder: oas31.OpenApiBuilder,
  parameters: readonly DescribedParameter[],
  headers: readonly string[],
  locale: Locale,
): (oas31.ReferenceObject | oas31.ParameterObject)[] {
  for (const name of headers) builder.addParameter(name, describeHeader(name, locale));
  const ofQuery = parameters.map((parameter) => {
    const described = describe(parameter, locale);
    if (parameter.key === undefined) return described;
    builder.addParameter(parameter.key, described);
    return ref("parameters", parameter.key);
  });
  return [...ofQuery, ...headers.map((name) => ref("parameters", name))];
}

const headerTexts: Readonly<Record<string, Text>> = {
  "If-Match": text(
    "The ETag that was read; 412 when it has changed since",
    "读取时的 ETag；若此后已更改则返回 412",
    "讀取時的 ETag；若此後已變更則回傳 412",
  ),
  "If-None-Match": text(
    "The ETag that the caller has; 304 when it is still that",
    "调用方已有的 ETag；若未更改则返回 304",
    "呼叫端已有的 ETag；若未變更則回傳 304",
  ),
  Range: text("The bytes that are wanted: bytes=0-999", "所需的字节范围：bytes=0-999", "所需的位元組範圍：bytes=0-999"),
  "If-Range": text(
    "The ETag of the bytes that the caller has; the whole comes where it is another",
    "调用方已有部分的 ETag；若不一致则返回全部内容",
    "呼叫端已有部分的 ETag；若不一致則回傳全部內容",
  ),
  "Idempotency-Key": text(
    "A repetition with the same key gets the first answer and does nothing again",
    "使用相同的键重复请求时，返回首次的响应，不会重复执行",
    "使用相同的鍵重複請求時，回傳首次的回應，不會重複執行",
  ),
};

const describeHeader = (name: string, locale: Locale): oas31.ParameterObject => {
  const about = headerTexts[name];
  return {
    name,
    in: "header",
    ...(about ? { description: render(about, locale) } : {}),
    schema: { type: "string" },
  };
};

const describe = (parameter: DescribedParameter, locale: Locale): oas31.ParameterObject => ({
  name: parameter.name,
  in: "query",
  description: render(parameter.description, locale),
  schema: parameter.schema as oas31.SchemaObject,
});

export const pathParameter = (
  name: string,
  schema: oas31.SchemaObject = { type: "string" },
): oas31.ParameterObject => ({
  name,
  in: "path",
  required: true,
  schema,
});

/** One schema by media type. */
export const contentOf = (schema: Schema, ...mediaTypes: readonly string[]): oas31.ContentObject =>
  Object.fromEntries(mediaTypes.map((type) => [type, { schema }]));

export const jsonContent = (schema: Schema): oas31.ContentObject => contentOf(schema, "application/json");

const headerSchemas: Readonly<Record<string, oas31.SchemaObject>> = {
  ETag: { type: "string" },
  Location: { type: "string", format: "uri-reference" },
  "Content-Disposition": { type: "string" },
};

const meanings: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  304: "Not Modified",
};

/** A success, its headers added to the shared ones. */
export function addSuccess(
  builder: oas31.OpenApiBuilder,
  status: number,
  content: oas31.ContentObject | undefined,
  headers: readonly string[] = [],
): oas31.ResponseObject {
  for (const name of headers) builder.addHeader(name, { schema: headerSchemas[name] ?? { type: "string" } });
  return {
    description: meanings[status] ?? String(status),
    ...(headers.length === 0
      ? {}
      : { headers: Object.fromEntries(headers.map((name) => [name, ref("headers", name)])) }),
    ...(content === undefined ? {} : { content }),
  };
}
