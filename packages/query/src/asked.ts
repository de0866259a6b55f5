import { perKey, Recent } from "@guanxi/base";
import type { ObjectType, Snapshot, StoredField } from "@guanxi/meta";
import { type CompiledRead, compileRead } from "./compile.ts";
import { wayOf } from "./compile-list.ts";
import { keepCount } from "./owned.ts";
import { type AggregatePlan, type Authorized, type GetPlan, type ListPlan, type ReadPlan, shapeOf } from "./plan.ts";
import { type AggregateRequest, resolveAggregate } from "./resolve-aggregate.ts";
import { type GetRequest, type ListRequest, resolveGet, resolveList } from "./resolve-list.ts";
import type { Asker } from "./parameters.ts";

/** Requests of one snapshot whose plans and texts are kept: what an application's screens ask, at some 10 KB each. */
const mostKept = 40;
/** Asked so often, a request is one that comes again: its values are worth a text, and PostgreSQL a plan, of its own. */
const often = 3;

/** Text with parameters `$1…`; all of them text, cast where they stand. */
interface BoundRead {
  readonly text: string;
  readonly params: readonly (string | null)[];
}

/** A request on a snapshot. Asked again, it is neither read nor compiled again. */
export class Asked<P extends ReadPlan> {
  readonly plan: P;
  readonly #snapshot: Snapshot;
  readonly #texts = new Map<string, CompiledRead>();
  #times = 0;

  constructor(snapshot: Snapshot, plan: P) {
    this.#snapshot = snapshot;
    this.plan = plan;
  }

  /** The statement for what the asker may see, `plan` being this one with their predicates. */
  statement(plan: Authorized<P>, asker: Asker): BoundRead {
    this.#times++;
    const way = plan.kind === "list" ? wayOf(plan, this.#snapshot, asker) : undefined;
    const written = plan.kind === "list" && this.#times > often;
    const shape = [way, written, ...plan.sources.map((s) => shapeOf(s.predicate))].join();
    let text = this.#texts.get(shape);
    if (!text) this.#texts.set(shape, (text = compileRead(plan, this.#snapshot, { way, written })));
    return { text: text.text, params: text.slots.map((slot) => (typeof slot === "function" ? slot(asker) : slot)) };
  }

  /** Takes note of a list's answer that came with a count. */
  learn(asker: Asker, { few }: { readonly few?: boolean }): void {
    if (few !== undefined) keepCount(this.#snapshot, this.plan.object, asker, few);
  }
}

const kept = perKey((_: Snapshot) => new Recent<string, unknown>(mostKept));

function remembered<P extends ReadPlan>(snapshot: Snapshot, key: string, resolve: () => P): Asked<P> {
  return kept(snapshot).getOrMake(key, () => new Asked(snapshot, resolve())) as Asked<P>;
}

/** A list request; throws QUERY (400) naming the parameter and the place. A page after the first is asked for once. */
export const askList = (snapshot: Snapshot, object: ObjectType, request: ListRequest): Asked<ListPlan> =>
  request.cursor === undefined
    ? remembered(snapshot, `list ${object.name} ${JSON.stringify(request)}`, () =>
        resolveList(snapshot, object, request),
      )
    : new Asked(snapshot, resolveList(snapshot, object, request));

/** A record by a unique field; throws as `askList`. */
export const askGet = (
  snapshot: Snapshot,
  object: ObjectType,
  by: StoredField,
  request: GetRequest = {},
): Asked<GetPlan> =>
  remembered(snapshot, `get ${object.name} ${by.name} ${JSON.stringify(request)}`, () =>
    resolveGet(snapshot, object, by, request),
  );

/** Totals; throws as `askList`. */
export const askAggregate = (snapshot: Snapshot, object: ObjectType, request: AggregateRequest): Asked<AggregatePlan> =>
  remembered(snapshot, `aggregate ${object.name} ${JSON.stringify(request)}`, () =>
    resolveAggregate(snapshot, object, request),
  );
