// A server with its demo and callers that see much, little and nothing.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { wideObject } from "./wide-object.mjs";

const main = resolve(import.meta.dirname, "../../packages/server/src/main.ts");
/** A start takes some 4 s, several times that on a machine that others load; a stop drains for some seconds. In ms. */
const startLimit = 90_000;
const stopLimit = 40_000;

async function answerOf(url, key, method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

export async function documentOf(url, key, language) {
  const response = await fetch(`${url}/api/openapi.json`, {
    headers: { authorization: `Bearer ${key}`, "accept-language": language },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the description answered ${response.status}: ${text}`);
  return text;
}

/** Starts the server on an empty data folder and any free port. */
export async function startServer(dataDir) {
  const env = { ...process.env, GUANXI_DATA_DIR: dataDir, PORT: "0", HOST: "127.0.0.1" };
  delete env.DATABASE_URL;
  delete env.REDIS_URL;
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((done) => child.once("close", done));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopLimit);
    await ended;
    clearTimeout(timer);
  };
  const url = await readyUrl(() => said, child).catch(async (error) => {
    await stop();
    throw error;
  });
  const { users: keys, operator } = JSON.parse(readFileSync(join(dataDir, "demo-keys.json"), "utf8"));
  return {
    url,
    keys,
    stop,
    async keyOfNobody() {
      const user = await answerOf(url, keys.admin, "POST", "/api/users", { name: "Nobody", email: "no@demo.example" });
      return (await answerOf(url, keys.admin, "POST", "/api/keys", { name: "nobody", user: user.id })).key;
    },
    async keyOfWideTenant() {
      const tenant = { id: "wide", name: 'Wide "<&>" 宽 ${x}', admin: { email: "wide@demo.example" }, plugins: [] };
      const { admin } = await answerOf(url, operator, "POST", "/platform/tenants", tenant);
      await answerOf(url, admin.key, "PUT", `/api/meta/objects/${wideObject.name}`, wideObject);
      return admin.key;
    },
  };
}

async function readyUrl(said, child) {
  for (const end = Date.now() + startLimit; Date.now() < end; await sleep(50)) {
    const url = /Guanxi is ready after \d+ ms: (\S+)/.exec(said())?.[1];
    if (url !== undefined) return url;
    if (child.exitCode !== null) break;
  }
  throw new Error(`the server did not start:\n${said()}`);
}
