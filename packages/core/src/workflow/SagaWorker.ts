/** Who carries the sagas of a definition out in this process, and tidies up after them. */
import { Duration, Effect, Option, type Scope } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as DueWork from "../messaging/DueWork.ts"
import type { Definition, Runnable } from "./SagaChange.ts"
import * as SagaRecord from "./SagaRecord.ts"
import { handler } from "./SagaRunner.ts"

export interface WorkOptions {
  /** Sagas in hand at once. 100 if not given. */
  readonly concurrency?: number
  /** 30 s if not given. Renewed while a saga is in hand. A process that dies is noticed after so long. */
  readonly leaseMillis?: number
  /** How long steps may go on when the scope closes. 10 s if not given. */
  readonly drainMillis?: number
}

const CONCURRENCY = 100
const JANITOR_EVERY = Duration.minutes(1)
const MEASURE_EVERY = Duration.seconds(10)
/** So many are forgotten in one unit of work. */
const FORGET_AT_ONCE = 500
/** How often a wish to cancel that nobody has fulfilled is looked at. */
const LOOK_EVERY_MILLIS = 60_000

export const make = <I, R>(
  definition: Runnable<I, R>,
  options: WorkOptions,
): Effect.Effect<void, never, AggregateStore | UnitOfWork | Scope.Scope | R> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<AggregateStore | R>()
    const { concurrency = CONCURRENCY, ...rest } = options
    yield* Effect.forkScoped(every(JANITOR_EVERY, Effect.ignoreLogged(tidy(definition))))
    yield* Effect.forkScoped(every(MEASURE_EVERY, Effect.ignoreLogged(measure(definition))))
    yield* Effect.forkScoped(
      DueWork.run({
        kind: SagaRecord.kindOf(definition.name),
        concurrency,
        ...rest,
        mark: SagaRecord.taken,
        admission: definition.admission,
        ended: definition.watch.putDown,
        handle: handler(definition, runtime),
      }),
    )
  })

const every = <E, R>(pause: Duration.Duration, effect: Effect.Effect<void, E, R>) =>
  Effect.forever(Effect.zipRight(Effect.sleep(pause), effect))

const tidy = <I, R>({ keepForMillis, name }: Definition<I, R>) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const beforeMs = (yield* DueWork.now) - keepForMillis
    const drop = UnitOfWork.run(store.dropArchived(SagaRecord.kindOf(name), beforeMs, FORGET_AT_ONCE))
    while ((yield* drop) === FORGET_AT_ONCE) yield* Effect.yieldNow()
    while ((yield* forgetWishes(name)) === FORGET_AT_ONCE) yield* Effect.yieldNow()
  })

/** Forgets wishes to cancel sagas that are over; answers how many were looked at. */
const forgetWishes = (name: string) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const nowMs = yield* DueWork.now
    const untilMs = nowMs + LOOK_EVERY_MILLIS
    const claimed = yield* store.claim(SagaRecord.cancelKindOf(name), 0, { nowMs, untilMs, limit: FORGET_AT_ONCE })
    for (const { id, kind, version } of claimed) {
      if (Option.isNone(yield* store.get(SagaRecord.kindOf(name), id))) yield* store.remove(kind, id, version)
    }
    return claimed.length
  }).pipe(UnitOfWork.run)

const measure = <I, R>({ metrics, name }: Definition<I, R>) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const parked = yield* store.count(SagaRecord.parkedKindOf(name))
    metrics.parked(parked)
    metrics.running((yield* store.count(SagaRecord.kindOf(name))) - parked)
  })
