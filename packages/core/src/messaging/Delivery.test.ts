import { describe, it } from "@effect/vitest"
import { Context, Effect, Option, Tracer } from "effect"
import { expect } from "vitest"
import type { Transaction } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as Delivery from "./Delivery.ts"
import type { LogRecord } from "./EventLog.ts"

const record = (headers: LogRecord["headers"]): LogRecord => ({
  topic: "workouts",
  partition: 0,
  offset: 7,
  key: "anna",
  payload: 1,
  id: undefined,
  headers,
  appendedAtMs: 0,
})

/** Nothing to commit: what matters here is what the handler finds around it. */
const work = {
  run: <A, E, R>(unit: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Transaction>> =>
    Effect.mapInputContext(unit, (context: Context.Context<Exclude<R, Transaction>>) =>
      Context.unsafeMake<R>(new Map(context.unsafeMap)),
    ),
}

/** The span that the handler of one record runs in. */
const spanAround = (headers: LogRecord["headers"]) =>
  Effect.gen(function* () {
    let found: Option.Option<Tracer.AnySpan> = Option.none()
    const handling = {
      group: "points",
      topic: "workouts",
      timeoutMillis: 1_000,
      handle: () =>
        Effect.map(Effect.context<never>(), (context) => {
          found = Context.getOption(context, Tracer.ParentSpan)
        }),
    }
    const deliver = Delivery.atLeastOnce(work, handling, Backoff.standard)
    expect(yield* deliver([{ record: record(headers), event: 1 }], Effect.void)).toEqual({ _tag: "Done" })
    return found
  })

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
const tracer = Tracer.make({
  span: (name, parent, context, links, startTime, kind) => ({
    ...Tracer.externalSpan({ traceId: "f".repeat(32), spanId: "e".repeat(16) }),
    _tag: "Span" as const,
    name,
    parent,
    context,
    links,
    kind,
    status: { _tag: "Started", startTime },
    attributes: new Map(),
    end: () => {},
    attribute: () => {},
    event: () => {},
    addLinks: () => {},
  }),
  context: (run) => run(),
})

describe("the span of a handler", () => {
  it.effect("goes on with the trace that its records bring, also where no tracer is installed", () =>
    Effect.gen(function* () {
      const span = Option.getOrThrow(yield* spanAround({ traceparent }))
      expect(span.traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736")
    }),
  )

  it.effect("is made where a tracer is installed", () =>
    Effect.gen(function* () {
      const span = Option.getOrThrow(yield* spanAround({}).pipe(Effect.withTracer(tracer)))
      expect(span.spanId).toBe("e".repeat(16))
    }),
  )

  it.effect("is left out where nobody traces; what the consumer was started in is not its parent", () =>
    Effect.gen(function* () {
      expect(yield* spanAround({}).pipe(Effect.withSpan("start"))).toEqual(Option.none())
    }),
  )
})
