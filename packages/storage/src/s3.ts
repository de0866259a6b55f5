import { createReadStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { GuanxiError } from "@guanxi/base";
import { AwsV4Signer } from "aws4fetch";
import { send } from "./send.ts";
import type { Backend, ContentKey, Received } from "./types.ts";

export interface S3Settings {
  /** `https://host`, before whose path the bucket's name comes; or with `{bucket}` where the bucket's name stands in it. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Further tries when the other side is busy or gone, after pauses of 100, 200 and 400 ms; nothing here does harm twice. */
const retries = 3;
const firstPauseMs = 100;
/** Contents that are deleted at once with their tenant. */
const together = 8;

const rootOf = ({ endpoint, bucket }: S3Settings): string => {
  const host = endpoint.replace(/\/+$/, "");
  return host.includes("{bucket}") ? host.replace("{bucket}", bucket) : `${host}/${bucket}`;
};

interface Question {
  readonly method: "GET" | "PUT" | "DELETE";
  /** Behind the bucket's. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: Received;
}

/** Contents as objects `<tenant>/<id>` of a bucket. */
export function s3Backend(settings: S3Settings): Backend {
  const { accessKeyId, secretAccessKey, region } = settings;
  const root = rootOf(settings);
  const pathOf = ({ tenant, id }: ContentKey): string => `/${tenant}/${id}`;

  async function attempt({ method, path, headers = {}, content }: Question): Promise<IncomingMessage> {
    const url = root + path;
    const signer = new AwsV4Signer({ method, url, headers, accessKeyId, secretAccessKey, region, service: "s3" });
    const signed = await signer.sign();
    const length = content ? { "content-length": String(content.bytes) } : {};
    const body = content && createReadStream(content.path);
    return send(signed.url, method, { ...Object.fromEntries(signed.headers), ...length }, body);
  }

  /** The answer, when somebody answers who is neither busy nor broken. */
  async function ask(question: Question): Promise<IncomingMessage> {
    for (let tried = 0; ; tried++) {
      try {
        const answer = await attempt(question);
        const { statusCode = 0 } = answer;
        if (statusCode < 500 && statusCode !== 429) return answer;
        throw new Error(`it answered ${statusCode} (${await codeOf(answer)})`);
      } catch (cause) {
        if (tried === retries)
          throw new GuanxiError("UNAVAILABLE", {
            detail: "The storage of files does not answer.",
            retryAfter: 5,
            cause,
          });
      }
      await sleep(firstPauseMs * 2 ** tried);
    }
  }

  /** The answer of a success; undefined where there is no such object. */
  async function succeed(question: Question): Promise<IncomingMessage | undefined> {
    const answer = await ask(question);
    const { statusCode = 0 } = answer;
    if (statusCode < 300) return answer;
    const code = await codeOf(answer);
    if (statusCode === 404 && code === "NoSuchKey") return undefined;
    throw new Error(`the storage of files refused ${question.method} with ${statusCode} (${code})`);
  }

  const done = async (question: Question): Promise<void> => void (await succeed(question))?.resume();

  return {
    keep(key, content) {
      // One request, whose length is known, and whose checksum the other side compares.
      const headers = { "x-amz-content-sha256": content.sha256 };
      return done({ method: "PUT", path: pathOf(key), headers, content });
    },
    read: (key, range) =>
      succeed({
        method: "GET",
        path: pathOf(key),
        ...(range ? { headers: { range: `bytes=${range.first}-${range.last}` } } : {}),
      }),
    delete: (key) => done({ method: "DELETE", path: pathOf(key) }),
    async deleteTenant(tenant) {
      for (;;) {
        const page = await succeed({ method: "GET", path: `?list-type=2&prefix=${tenant}%2F` });
        const keys = page ? tag("Key", await text(page)) : [];
        if (keys.length === 0) return;
        while (keys.length > 0)
          await Promise.all(keys.splice(0, together).map((key) => done({ method: "DELETE", path: `/${key}` })));
      }
    },
  };
}

const codeOf = async (answer: IncomingMessage): Promise<string> => tag("Code", await text(answer))[0] ?? "no reason";

/** What stands in these elements; keys are ids of ours, so nothing in them is escaped. */
const tag = (name: string, xml: string): string[] =>
  Array.from(xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g")), (m) => m[1] ?? "");
