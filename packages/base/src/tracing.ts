/** What may stand on a span: names, ids and counts. Never a record's values, SQL text, parameters or an address with its query. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  readonly name: string;
  /** How it stands to others: it answers a caller, asks a server, leaves work behind, takes such work up; within the process, when absent. */
  readonly kind?: "server" | "client" | "producer" | "consumer";
  readonly attributes?: SpanAttributes;
  /** W3C `traceparent` of what caused it, where that is not the work it is called from. One that is not valid counts as none. */
  readonly parent?: string | undefined;
  /** Begins a trace of its own, whatever is current. */
  readonly root?: boolean;
  /** `traceparent`s of other work that it has to do with. */
  readonly links?: readonly (string | undefined)[];
}

/** A stretch of work in a trace. It ends with the work that it was opened for. */
export interface Span {
  /** W3C `traceparent`: what the span causes elsewhere names it as `parent`. Undefined where nothing is traced. */
  readonly traceparent: string | undefined;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** It did not do what it should have. */
  fail(): void;
}

/** Opens spans around work; which span is current follows the work through its promises. */
export interface Tracer {
  /** Runs `work` as a span beneath `parent`, or the current span, or as the first of a trace. It fails when `work` throws. */
  span<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>;
  /** Runs `work` as a span of the current one; without a span where none is current. */
  inside<T>(start: SpanStart, work: () => Promise<T>): Promise<T>;
  /** The current span's `traceparent`. */
  current(): string | undefined;
  /** `work` with what is current now, whoever calls it: sockets and child processes call back out of all context. */
  bind<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R;
}

const noSpan: Span = { traceparent: undefined, rename: () => {}, set: () => {}, fail: () => {} };

/** Traces nothing and costs nothing. */
export const noTracer: Tracer = {
  span: (_, work) => work(noSpan),
  inside: (_, work) => work(),
  current: () => undefined,
  bind: (work) => work,
};
