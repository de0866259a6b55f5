import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { queuePlace } from "@guanxi/automation";

export interface RedisFacts {
  readonly version: string;
  /** What it does when its memory is full: `noeviction`, `allkeys-lru` … */
  readonly evictionPolicy: string;
  /** Bytes it may use; 0 is no limit. */
  readonly memoryLimit: number;
  readonly appendOnly: boolean;
  /** Whether it writes snapshots; undefined where it will not say. */
  readonly snapshots: boolean | undefined;
  readonly role: string;
  readonly jobs: { readonly waiting: number; readonly delayed: number };
}

/** A Redis that does not answer within that many ms is not there. */
const patienceMs = 5_000;
/** What the keys of the queue's jobs begin with. */
const queueKey = `${queuePlace.namespace}:${queuePlace.name}`;

/** A reply of the protocol (RESP 2): text, number, nothing, a list, or an error that Redis answered. */
type Reply = string | number | null | Error | Reply[];

/** Looks at a Redis and changes nothing. Rejects when it cannot be reached or entered. */
export async function examineRedis(address: string): Promise<RedisFacts> {
  const url = new URL(address);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const login = password === "" ? [] : [["AUTH", ...(user === "" ? [] : [user]), password]];
  const database = url.pathname.slice(1);
  const commands = [
    ...login,
    ...(database === "" ? [] : [["SELECT", database]]),
    ["INFO"],
    ["LLEN", `${queueKey}:wait`],
    ["ZCARD", `${queueKey}:delayed`],
    // Last, because hosts of Redis often forbid it.
    ["CONFIG", "GET", "save"],
  ];
  const replies = await ask(url, commands);
  const [info, waiting, delayed, save] = replies.slice(-4);
  const refused = replies.slice(0, -1).find((reply) => reply instanceof Error);
  if (refused instanceof Error) throw refused;
  const told = readInfo(String(info));
  return {
    version: told.get("redis_version") ?? "?",
    evictionPolicy: told.get("maxmemory_policy") ?? "?",
    memoryLimit: Number(told.get("maxmemory") ?? 0),
    appendOnly: told.get("aof_enabled") === "1",
    snapshots: Array.isArray(save) ? save[1] !== "" : undefined,
    role: told.get("role") ?? "?",
    jobs: { waiting: Number(waiting), delayed: Number(delayed) },
  };
}

const readInfo = (text: string): Map<string, string> =>
  new Map(
    text
      .split("\r\n")
      .map((line) => line.split(":", 2))
      .filter((parts): parts is [string, string] => parts.length === 2),
  );

function ask(url: URL, commands: readonly (readonly string[])[]): Promise<Reply[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || 6379);
  const socket: Socket =
    url.protocol === "rediss:" ? connectTls({ host, port, servername: host }) : connectPlain({ host, port });
  return new Promise<Reply[]>((resolve, reject) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
    socket.once("error", reject).once("close", () => reject(new Error("it closed the connection")));
    socket.once("close", () => clearTimeout(timer));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        const replies = readReplies(received, commands.length);
        if (replies !== undefined) resolve(replies);
      } catch (error) {
        reject(error as Error);
      }
    });
    socket.write(commands.map(encode).join(""));
  }).finally(() => socket.destroy());
}

const encode = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;

/** So many replies, or undefined while they are not all there. */
function readReplies(bytes: Buffer, count: number): Reply[] | undefined {
  const replies: Reply[] = [];
  let at = 0;
  while (replies.length < count) {
    const read = readReply(bytes, at);
    if (read === undefined) return undefined;
    replies.push(read.reply);
    at = read.next;
  }
  return replies;
}

function readReply(bytes: Buffer, at: number): { reply: Reply; next: number } | undefined {
  const end = bytes.indexOf("\r\n", at);
  if (end < 0) return undefined;
  const text = bytes.toString("utf8", at + 1, end);
  let next = end + 2;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case "+":
      return { reply: text, next };
    case "-":
      return { reply: new Error(text), next };
    case ":":
      return { reply: Number(text), next };
    case "$": {
      const length = Number(text);
      if (length < 0) return { reply: null, next };
      if (bytes.length < next + length + 2) return undefined;
      return { reply: bytes.toString("utf8", next, next + length), next: next + length + 2 };
    }
    case "*": {
      const items: Reply[] = [];
      for (let i = 0; i < Number(text); i++) {
        const item = readReply(bytes, next);
        if (item === undefined) return undefined;
        items.push(item.reply);
        next = item.next;
      }
      return { reply: items, next };
    }
    default:
      throw new Error("what answers there is no Redis");
  }
}
