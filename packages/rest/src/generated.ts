import { GuanxiError } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { isReservedPlural, namePattern } from "@guanxi/meta";
import { type Answer, noContent } from "./answer.ts";
import type { Call } from "./call.ts";
import { refuseOtherConditions } from "./conditions.ts";
import { authenticate } from "./credentials.ts";
import { type Endpoint, isParameter, methodsAt } from "./endpoints/endpoint.ts";
import { problemAnswer } from "./problem.ts";
import { readAddress, type RecordAddress } from "./records/address.ts";
import { isFor, methodsOf, patternOf, type RecordRoute, recordRoutesAt } from "./records/routes.ts";
import { decodePart } from "./request.ts";

/** What answers where no fixed address does: the generated routes of every object, OPTIONS, 404 and 405. */
export function generatedRoutes(
  kernel: Kernel,
  fixed: readonly Endpoint[],
  gate: (call: Call) => Promise<void>,
): (call: Call, path: string) => Promise<Answer> {
  const words = fixedWords(fixed);
  return async (call, path) => {
    const parts = path.split("/").slice(1).map(decodePart);
    const ofRecords = parts[0] === "api" && !words.has(parts[1] ?? "") ? readAddress(parts.slice(1)) : undefined;
    const routes = ofRecords ? recordRoutesAt(call.method, ofRecords.tail) : [];
    if (ofRecords && routes.length > 0) return answerRecords(kernel, call, ofRecords, routes);
    const methods = [...methodsAt(fixed, parts), ...(ofRecords ? methodsOf(ofRecords.tail) : [])];
    if (call.method === "OPTIONS" && methods.length > 0) return { ...noContent, headers: { allow: allowOf(methods) } };
    // Whoever has no key learns nothing of what there is behind the door.
    if (parts[0] === "api") await authenticate(kernel, call);
    if (parts[0] === "platform") await gate(call);
    if (methods.length === 0) throw new GuanxiError("NOT_FOUND");
    return problemAnswer(call, new GuanxiError("METHOD"), { allow: allowOf(methods) });
  };
}

async function answerRecords(
  kernel: Kernel,
  call: Call,
  address: RecordAddress,
  routes: readonly RecordRoute[],
): Promise<Answer> {
  call.route = patternOf(address.tail);
  const caller = await authenticate(kernel, call);
  const { session, object } = await kernel.objectByPlural(caller, address.plural);
  call.session = session;
  const route = routes.find((r) => isFor(r, object));
  if (!route) throw new GuanxiError("NOT_FOUND");
  refuseOtherConditions(call, route.conditions);
  return route.handle({ call, kernel, session, object, address });
}

/** Words that stand right after `/api` in a fixed address. Throws where an object could have one as its plural: nobody would find its records. */
function fixedWords(fixed: readonly Endpoint[]): ReadonlySet<string> {
  const words = fixed
    .map((endpoint) => endpoint.path.split("/"))
    .filter(([, first, second]) => first === "api" && second !== undefined && !isParameter(second))
    .map(([, , second]) => second ?? "");
  const free = words.find((word) => namePattern.test(word) && !isReservedPlural(word));
  if (free !== undefined) throw new Error(`/api/${free} is a fixed address, but "${free}" is not a reserved plural`);
  return new Set(words);
}

const allowOf = (methods: readonly string[]): string =>
  [...new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"])].join(", ");
