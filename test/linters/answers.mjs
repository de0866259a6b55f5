// Real answers against the document's own schemas: what it says of an answer is what comes.
import { setTimeout as sleep } from "node:timers/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/** Long enough for an import of one row and a run of one line, in ms. */
const workLimit = 30_000;

async function call(url, key, method, path, body, mediaType = "application/json") {
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const headers = { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": mediaType }) };
  const response = await fetch(url + path, { method, headers, ...sent });
  const text = await response.text();
  const type = (response.headers.get("content-type") ?? "").split(";")[0];
  return { status: response.status, type, value: type?.endsWith("json") && text !== "" ? JSON.parse(text) : text };
}

/** Makes one of everything that the fixed addresses show. */
async function fill(url, key) {
  const script = "export default async ({ record }) => record.id;";
  const hello = { name: "hello", object: "lead", on: "created", script };
  await call(url, key, "PUT", "/api/meta/workflows/hello", hello);
  await call(url, key, "PUT", "/api/meta/mappings/plain", {
    object: "lead",
    columns: { Name: "last_name", Firm: "company" },
  });
  await call(url, key, "POST", "/api/import/leads?mapping=plain", "Name,Firm\nLee,Northwind\n,\n", "text/csv");
  for (const end = Date.now() + workLimit; Date.now() < end; await sleep(100)) {
    const { value } = await call(url, key, "GET", "/api/runs?status=succeeded");
    if (value.data?.length > 0) return;
  }
  throw new Error("the import's record started no run");
}

/** A part of an address: that of the first row of the list beside it. */
async function partsOf(url, key, path) {
  if (!path.includes("{")) return path;
  if (path.includes("{plural}")) return path.replace("{plural}", "leads");
  const list = path.slice(0, path.indexOf("/{")).replace(/\/by$/, "");
  const { value } = await call(url, key, "GET", list);
  const row = value.data?.[0];
  if (row === undefined || path.includes("{field}")) return undefined;
  return path.replace("{id}", row.id).replace("{name}", row.name);
}

/** Every GET of the document, asked of the server; → what does not fit. */
export async function answerFindings(url, key, document) {
  await fill(url, key);
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    formats: { decimal: true, phone: true, "local-time": true },
  });
  formats.default(ajv);
  ajv.addSchema({ ...document, $id: "document" });
  const findings = [];
  let asked = 0;
  for (const [path, { get }] of Object.entries(document.paths)) {
    const address = get && (await partsOf(url, key, path));
    if (!address) continue;
    const { status, type, value } = await call(url, key, "GET", address);
    asked++;
    const place = `#/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}/get/responses/${status}/content/${type.replaceAll("/", "~1")}/schema`;
    if (get.responses[status]?.content?.[type] === undefined) {
      findings.push(`answer GET ${path}: ${status} ${type} is not described`);
      continue;
    }
    const validate = ajv.compile({ $ref: `document${encodeURI(place)}` });
    if (!validate(value)) findings.push(`answer GET ${path}: ${ajv.errorsText(validate.errors).slice(0, 500)}`);
  }
  if (asked < 30) findings.push(`only ${asked} addresses could be asked`);
  return findings;
}
