import { createHash, timingSafeEqual } from "node:crypto";
import { GuanxiError } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import type { Call } from "./call.ts";

const bearer = /^Bearer +(\S+) *$/i;

function credentialOf(call: Call): string {
  const credential = bearer.exec(call.request.headers.get("authorization") ?? "")?.[1];
  if (credential === undefined) throw new GuanxiError("UNAUTHENTICATED");
  return credential;
}

/** The caller's session, kept on the call from here on. UNAUTHENTICATED without a valid credential. */
export async function authenticate(kernel: Kernel, call: Call): Promise<Session> {
  const known = await kernel.authenticate(credentialOf(call), call.id);
  const { claim, trace } = call;
  const added = { ...(claim === undefined ? {} : { claim }), ...(trace === undefined ? {} : { trace }) };
  const session = (claim ?? trace) ? { ...known, cause: { ...known.cause, ...added } } : known;
  call.session = session;
  return session;
}

const digest = (key: string): Buffer => createHash("sha256").update(key).digest();

/** → a check that lets the operator pass; FORBIDDEN for a tenant's credential, UNAUTHENTICATED for none that is known. */
export function operatorGate(kernel: Kernel, operatorKey: string): (call: Call) => Promise<void> {
  const expected = digest(operatorKey);
  return async (call) => {
    // Digests have one length, so the comparison takes the same time whatever was sent.
    if (timingSafeEqual(digest(credentialOf(call)), expected)) return;
    await authenticate(kernel, call);
    throw new GuanxiError("FORBIDDEN");
  };
}
