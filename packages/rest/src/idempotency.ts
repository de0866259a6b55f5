import { createHash } from "node:crypto";
import { GuanxiError, isGuanxiError } from "@guanxi/base";
import type { KeptAnswer, Kernel } from "@guanxi/kernel";
import type { Answer } from "./answer.ts";
import { type Call, notYet } from "./call.ts";
import { authenticate } from "./credentials.ts";
import { problemAnswer } from "./problem.ts";
import { readBytes } from "./request.ts";

const header = "idempotency-key";
const safeMethods: ReadonlySet<string> = new Set(["GET", "OPTIONS"]);
/** Visible ASCII; 255 characters leave room for any scheme of making keys. */
const saneKey = /^[\x21-\x7e]{1,255}$/;
/** Refusals that say nothing of the request itself, so that a repetition may well fare better. */
const passing: ReadonlySet<number> = new Set([401, 429]);

/**
 * Carries a request out, or gives the answer again that an earlier one with its `Idempotency-Key` got. `traced` says that
 * the request changes records and nothing else. Requests without the header, and those that only read, pass by.
 */
export async function once(
  kernel: Kernel,
  call: Call,
  traced: boolean,
  work: (call: Call) => Promise<Answer>,
): Promise<Answer> {
  const key = call.request.headers.get(header);
  if (key === null || safeMethods.has(call.method)) return work(call);
  const url = new URL(call.request.url);
  if (!url.pathname.startsWith("/api/")) throw notYet("Idempotency-Key");
  if (!saneKey.test(key))
    throw new GuanxiError("MALFORMED", { detail: "an Idempotency-Key has 1 to 255 visible ASCII characters" });
  const session = await authenticate(kernel, call);
  const digest = createHash("sha256").update(`${call.method} ${url.pathname}${url.search}\n`);
  const request = { key, digest: digest.update(await readBytes(call)).digest("hex"), traced };
  const begun = await kernel.idempotency.begin(session, request);
  if ("answer" in begun) return repeated(begun.answer);
  const { claim } = begun;
  call.claim = claim.id;
  const answer = await attempt(call, work, (error) => claim.abandon(error));
  if (answer.status >= 500) await claim.abandon(undefined);
  else await claim.keep(answer.secret || answer.stream ? undefined : kept(answer));
  return answer;
}

/** The answer that stands, a refusal of the request included; `abandon` hears of errors that are none. */
async function attempt(
  call: Call,
  work: (call: Call) => Promise<Answer>,
  abandon: (error: unknown) => Promise<void>,
): Promise<Answer> {
  try {
    return await work(call);
  } catch (error) {
    if (isGuanxiError(error) && error.status < 500 && !passing.has(error.status)) return problemAnswer(call, error);
    await abandon(error);
    throw error;
  }
}

const kept = ({ status, headers = {}, text, body }: Answer): KeptAnswer => ({
  status,
  headers,
  body: text ?? (body === undefined ? null : JSON.stringify(body)),
});

const repeated = ({ status, headers, body }: KeptAnswer): Answer => ({
  status,
  headers: { ...headers, "idempotency-replayed": "true" },
  ...(body === null ? {} : { text: body }),
});
