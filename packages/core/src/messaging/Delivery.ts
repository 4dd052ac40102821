/**
 * The three guarantees, as three orders of the same two things: handling a batch, and moving the group past it.
 *
 * Exactly once does both in one unit of work. At least once handles first, then moves; a completion that fails is tried
 * again without handling again. At most once moves first. A handler's span continues the trace of the record.
 */
import { Cause, type Context, Effect, Exit, Random, Tracer } from "effect"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { ifTraced, outsideSpans } from "../consistency/SpanIfTraced.ts"
import { StorageError, type Transaction, type UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Traceparent from "../kernel/messaging/Traceparent.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import { TimeoutExceeded } from "../resilience/Errors.ts"
import { within } from "../resilience/Within.ts"
import type { Delivered, Handler } from "./ConsumerOptions.ts"
import type { LeaseLost, OffsetMoved } from "./EventLog.ts"
import * as Failure from "./Failure.ts"

/** Why the group could not be moved. */
export type MoveError = StorageError | LeaseLost | OffsetMoved | VersionConflict

/** Moves the group past a batch, inside a unit. It may run more than once; only the last run counts. */
export type MoveOn = Effect.Effect<void, MoveError, Transaction>

export type Outcome =
  | { readonly _tag: "Done" }
  /** Nothing was moved: the handler would not have it. */
  | { readonly _tag: "HandlerFailed"; readonly cause: Cause.Cause<unknown> }
  /** Nothing was moved: the store would not have it. */
  | { readonly _tag: "StoreFailed"; readonly cause: Cause.Cause<unknown> }
  /** The group moved on, and the handler failed. */
  | { readonly _tag: "Lost"; readonly cause: Cause.Cause<unknown> }

/** Handles a batch and moves on, under one of the guarantees. */
export type Deliver<A, R> = (batch: ReadonlyArray<Delivered<A>>, moveOn: MoveOn) => Effect.Effect<Outcome, never, R>

type Work = Context.Tag.Service<typeof UnitOfWork>

const done: Outcome = { _tag: "Done" }

/** The handler as the workers call it: in a span, with a time limit. */
export interface Handling<A, E, R> {
  readonly group: string
  readonly topic: string
  readonly handle: Handler<A, E, R>
  readonly timeoutMillis: number
}

export const exactlyOnce =
  <A, E, R>(work: Work, handling: Handling<A, E, R>): Deliver<A, Exclude<R, Transaction>> =>
  (batch, moveOn) =>
    Effect.suspend(() => {
      let phase: "moving" | "handling" | "handled" = "moving"
      // The fence comes first: a member that lost the partition does not even start.
      const unit = Effect.suspend(() => {
        phase = "moving"
        return Effect.flatMap(moveOn, () => {
          phase = "handling"
          return Effect.map(traced(handling, batch), () => {
            phase = "handled"
          })
        })
      })
      return Effect.map(Effect.exit(inTime(work.run(unit), handling.timeoutMillis)), (exit): Outcome => {
        if (Exit.isSuccess(exit)) return done
        const { cause } = exit
        const byHandler = phase === "handling" && !Failure.isStoreTrouble(cause)
        return { _tag: byHandler ? "HandlerFailed" : "StoreFailed", cause }
      })
    })

export const atLeastOnce =
  <A, E, R>(work: Work, handling: Handling<A, E, R>, backoff: Backoff.Backoff): Deliver<A, R> =>
  (batch, moveOn) =>
    Effect.flatMap(
      Effect.exit(inTime(traced(handling, batch), handling.timeoutMillis)),
      (exit): Effect.Effect<Outcome> =>
        Exit.isFailure(exit)
          ? Effect.succeed({
              _tag: Failure.isStoreTrouble(exit.cause) ? "StoreFailed" : "HandlerFailed",
              cause: exit.cause,
            })
          : completed(work, moveOn, backoff),
    )

export const atMostOnce =
  <A, E, R>(work: Work, handling: Handling<A, E, R>, backoff: Backoff.Backoff): Deliver<A, R> =>
  (batch, moveOn) =>
    Effect.flatMap(completed(work, moveOn, backoff), (moved): Effect.Effect<Outcome, never, R> => {
      if (moved._tag !== "Done") return Effect.succeed(moved)
      return Effect.map(
        Effect.exit(inTime(traced(handling, batch), handling.timeoutMillis)),
        (exit): Outcome => (Exit.isSuccess(exit) ? done : { _tag: "Lost", cause: exit.cause }),
      )
    })

/** Moves the group on, and tries again while the store is in trouble: what was handled is not to be handled again. */
const completed = (work: Work, moveOn: MoveOn, backoff: Backoff.Backoff): Effect.Effect<Outcome> => {
  const attempt = (failures: number): Effect.Effect<Outcome> =>
    Effect.flatMap(Effect.exit(work.run(moveOn)), (exit): Effect.Effect<Outcome> => {
      if (Exit.isSuccess(exit)) return Effect.succeed(done)
      const error = Cause.squash(exit.cause)
      const mayPass = error instanceof StorageError || error instanceof VersionConflict
      if (!mayPass) return Effect.succeed({ _tag: "StoreFailed", cause: exit.cause })
      return Effect.zipRight(pause(backoff, failures, exit.cause), attempt(failures + 1))
    })
  return attempt(0)
}

const pause = (backoff: Backoff.Backoff, failures: number, cause: Cause.Cause<unknown>) =>
  Effect.gen(function* () {
    const delayMillis = Backoff.delayMillis(backoff, failures, yield* Random.next)
    yield* Effect.logWarning("What was handled could not be committed; the commit is tried again.", cause)
    yield* Effect.sleep(delayMillis)
  })

const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>, millis: number) =>
  within(effect, millis, () => new TimeoutExceeded(millis))

/** As many traces as one span is linked to. */
const MOST_LINKS = 32

/**
 * The handler in a span: the child of the first record's, linked to those of the others. Where nobody traces, neither
 * here nor where the records come from, there is none: the statements of a handler would each cost several times more.
 */
const traced = <A, E, R>(
  { group, handle, topic }: Handling<A, E, R>,
  batch: ReadonlyArray<Delivered<A>>,
): Effect.Effect<void, E, R> => {
  const parents = new Map<string, Tracer.ExternalSpan>()
  for (const { record } of batch) {
    const { traceparent } = record.headers
    if (traceparent === undefined || parents.has(traceparent)) continue
    const parsed = Traceparent.parse(traceparent)
    if (parsed !== undefined) parents.set(traceparent, Tracer.externalSpan(parsed))
    if (parents.size > MOST_LINKS) break
  }
  const [parent, ...others] = parents.values()
  const handling = Effect.suspend(() => handle(batch))
  const inSpan = Effect.withSpan(handling, "Consumer.handle", {
    ...(parent === undefined ? { root: true } : { parent }),
    links: others.map((span) => ({ _tag: "SpanLink" as const, span, attributes: {} })),
    kind: "consumer",
    captureStackTrace: false,
    attributes: {
      "messaging.consumer.group.name": group,
      "messaging.destination.name": topic,
      "messaging.destination.partition.id": batch[0]?.record.partition,
      "messaging.batch.message_count": batch.length,
    },
  })
  return parent === undefined ? ifTraced(inSpan, outsideSpans(handling)) : inSpan
}
