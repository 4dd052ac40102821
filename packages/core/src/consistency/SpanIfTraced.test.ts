import { describe, it } from "@effect/vitest"
import { Context, DefaultServices, Effect, Option, Tracer } from "effect"
import { expect } from "vitest"
import { outsideSpans, withSpanIfTraced } from "./SpanIfTraced.ts"

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** The default one, in a coat: what an exporter installs is another tracer than Effect's. */
const installed = () => {
  const seen: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (...given) => {
      const span = native.span(...given)
      seen.push(span)
      return span
    },
    context: (run) => run(),
  })
  return { seen, tracer }
}

const parent = Tracer.externalSpan({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" })
const parentInside = Effect.contextWith((context: Context.Context<never>) =>
  Context.getOption(context, Tracer.ParentSpan),
)
const traced = withSpanIfTraced("Command.execute", { aggregate: "bike", id: "b-1" })

describe("a span on a hot path", () => {
  it.effect("is made where a tracer is installed, with its attributes, below its parent", () =>
    Effect.gen(function* () {
      const { seen, tracer } = installed()
      const inside = yield* traced(parentInside).pipe(Effect.withParentSpan(parent), Effect.withTracer(tracer))
      expect(seen.map(({ name }) => name)).toEqual(["Command.execute"])
      expect(Object.fromEntries(seen[0]!.attributes)).toEqual({ aggregate: "bike", id: "b-1" })
      expect(seen[0]!.traceId).toBe(parent.traceId)
      expect(Option.getOrThrow(inside)).toBe(seen[0])
    }),
  )

  it.effect("is left out where nobody traces, and the trace from outside goes on", () =>
    Effect.gen(function* () {
      expect(yield* traced(parentInside)).toEqual(Option.none())
      const inside = yield* traced(parentInside).pipe(Effect.withParentSpan(parent))
      expect(Option.getOrThrow(inside).spanId).toBe(parent.spanId)
    }),
  )

  it.effect("is not inherited by what runs outside", () =>
    Effect.gen(function* () {
      expect(yield* outsideSpans(parentInside).pipe(Effect.withSpan("start"))).toEqual(Option.none())
    }),
  )
})
