import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@guanxi/client";
import { seed } from "../seed/load.ts";
import type { Objects } from "#objects";

const project = join(import.meta.dirname, "..");
const execute = promisify(execFile);

/** The server that tenants are made on for a while; its operator's key is in the file `operator-key` of its data folder. */
const { GUANXI_URL: url = "http://127.0.0.1:3000", GUANXI_OPERATOR_KEY: operatorKey = "" } = process.env;

/** Answers the body; throws for any status but the one that is meant. */
async function call(key: string, method: string, path: string, status: number, body?: object, language = "en") {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "accept-language": language },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== status) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** What speaks as one user. */
function actor(key: string) {
  const client = createClient<Objects>({ url, key });
  return {
    crm: client.objects,
    upload: client.upload,
    call: (method: string, path: string, status: number, body?: object, language?: string) =>
      call(key, method, path, status, body, language),
    /** The messages of a refusal by the path of the field. */
    async refused(method: string, path: string, body: object, language?: string): Promise<Record<string, string>> {
      const { errors } = await call(key, method, path, 422, body, language);
      return Object.fromEntries(errors.map((e: { path: string; message: string }) => [e.path.slice(1), e.message]));
    },
  };
}
export type Actor = ReturnType<typeof actor>;

/** A tenant of this run alone, with the project pushed and the seed in it. */
export async function makeTenant() {
  const id = `agency${Date.now().toString(36)}`;
  const settings = { locale: "zh-CN", timeZone: "Asia/Shanghai", currency: "CNY", country: "CN" };
  const wanted = { id, name: "Agency under test", admin: { email: "admin@agency.example" }, ...settings };
  const made = await call(operatorKey, "POST", "/platform/tenants", 201, wanted);
  const key: string = made.admin.key;
  const env = { ...process.env, GUANXI_URL: url, GUANXI_KEY: key };
  await execute("npx", ["guanxi", "push", project, "--message", "tests"], { env });
  await seed(url, key);
  const admin = actor(key);
  return {
    admin,
    /** Speaks as somebody of `seed/people.csv`. */
    async as(email: string): Promise<Actor> {
      const { id: user } = await admin.crm.user.getBy("email", email);
      const { key: own } = await admin.call("POST", "/api/keys", 201, { name: "tests", user });
      return actor(own);
    },
    remove: () => call(operatorKey, "DELETE", `/platform/tenants/${id}`, 204),
  };
}

/** Waits until `look` finds something; 20 s, since a worker may be busy. */
export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resume) => setTimeout(resume, 200));
  }
  throw new Error(`${what}: nothing came`);
}
