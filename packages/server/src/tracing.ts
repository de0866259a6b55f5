import { AsyncLocalStorage } from "node:async_hooks";
import type { Observe, Span, SpanStart, Tracer } from "@guanxi/base";
import {
  type Context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

/** ms that a stop waits for the last spans to be taken; a receiver that is gone must not hold it up. */
const stopMs = 3_000;

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/**
 * Spans as OpenTelemetry, sent to `endpoint` (the receiver's root, without `/v1/traces`) in batches as OTLP over HTTP. Sampling, the
 * service's name, headers and batches follow the standard `OTEL_*` variables of the environment.
 */
export function startTracing(endpoint: string, observe: Observe): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, "")}/v1/traces` });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "guanxi" }).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(heard(exporter, observe))],
  });
  const otel = provider.getTracer("guanxi");
  const contexts = new AsyncLocalStorage<Context>();

  async function run<T>(start: SpanStart, context: Context, work: (span: Span) => Promise<T>): Promise<T> {
    const span = otel.startSpan(
      start.name,
      {
        kind: start.kind ? kinds[start.kind] : SpanKind.INTERNAL,
        attributes: { ...start.attributes },
        links: (start.links ?? []).flatMap(linkTo),
      },
      context,
    );
    try {
      return await contexts.run(trace.setSpan(context, span), () => work(spanOf(span)));
    } catch (error) {
      // The kind of error only: its words may hold data.
      if (error instanceof Error) span.setAttribute("error.type", error.name);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }

  const tracer: Tracer = {
    span: (start, work) => run(start, contextOf(start, contexts.getStore()), work),
    inside(start, work) {
      const current = contexts.getStore();
      return current ? run(start, current, work) : work();
    },
    current: () => traceparentOf(contexts.getStore()),
    bind: (work) => {
      const current = contexts.getStore();
      return current ? (...args) => contexts.run(current, work, ...args) : work;
    },
  };
  return { tracer, stop: () => shutDown(provider, observe) };
}

async function shutDown(provider: BasicTracerProvider, observe: Observe): Promise<void> {
  const patience = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    const error = new Error(`The last spans were not taken within ${stopMs} ms.`);
    observe({ kind: "background_failed", task: "send traces", error });
    patience.resolve();
  }, stopMs);
  await Promise.race([provider.shutdown(), patience.promise]).finally(() => clearTimeout(timer));
}

/** The exporter, whose failures the operator hears of. */
function heard(exporter: OTLPTraceExporter, observe: Observe): OTLPTraceExporter {
  const send = exporter.export.bind(exporter);
  exporter.export = (spans, done) =>
    send(spans, (result) => {
      if (result.error) observe({ kind: "background_failed", task: "send traces", error: result.error });
      done(result);
    });
  return exporter;
}

function contextOf({ parent, root }: SpanStart, current: Context | undefined): Context {
  const remote = parent === undefined ? undefined : parse(parent);
  if (remote) return trace.setSpanContext(ROOT_CONTEXT, remote);
  return root || !current ? ROOT_CONTEXT : current;
}

const spanOf = (span: OtelSpan): Span => ({
  traceparent: format(span.spanContext()),
  rename: (name) => void span.updateName(name),
  set: (attributes) => void span.setAttributes({ ...attributes }),
  fail: () => void span.setStatus({ code: SpanStatusCode.ERROR }),
});

const format = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;

/** W3C Trace Context: versions to come may be longer, and `ff` is none. */
const traceparent = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

function parse(text: string): SpanContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] = traceparent.exec(text) ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

function traceparentOf(context: Context | undefined): string | undefined {
  const span = context && trace.getSpanContext(context);
  return span && format(span);
}

function linkTo(parent: string | undefined): Link[] {
  const context = parent === undefined ? undefined : parse(parent);
  return context ? [{ context }] : [];
}
