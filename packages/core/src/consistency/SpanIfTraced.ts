/**
 * A span on a hot path, for those who look at spans.
 *
 * Effect makes spans also where no tracer is installed and nobody will ever see one. Around a command that costs a
 * third of its time, the headers of its events included; so here a span is made only when there is a tracer. A trace
 * that comes from outside goes on either way: its parent stays in the context.
 *
 * @example
 * const execute = run.pipe(withSpanIfTraced("Command.execute", { aggregate: kind, id }))
 */
import { Context, DefaultServices, Effect, type Fiber, Tracer } from "effect"

/** Effect's own, whose spans go nowhere. */
const untraced = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** Whether anybody looks at this fiber's spans. */
export const isTraced = ({ currentTracer }: Pick<Fiber.RuntimeFiber<unknown, unknown>, "currentTracer">): boolean =>
  currentTracer !== undefined && currentTracer !== untraced

/** The one where a tracer is installed, the other where none is. */
export const ifTraced = <A, E, R>(
  traced: Effect.Effect<A, E, R>,
  otherwise: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> => Effect.withFiberRuntime<A, E, R>((fiber) => (isTraced(fiber) ? traced : otherwise))

export const withSpanIfTraced =
  (name: string, attributes: Readonly<Record<string, unknown>>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime<A, E, R>((fiber) =>
      // Only now: to prepare a span costs nearly as much as to make it.
      isTraced(fiber) ? Effect.withSpan(effect, name, { attributes, captureStackTrace: false }) : effect,
    )

/** Outside any span: what it publishes belongs to no trace. */
export const outsideSpans = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.mapInputContext(effect, (context: Context.Context<R>) => {
    if (!context.unsafeMap.has(Tracer.ParentSpan.key)) return context
    const services = new Map(context.unsafeMap)
    services.delete(Tracer.ParentSpan.key)
    return Context.unsafeMake<R>(services)
  })
