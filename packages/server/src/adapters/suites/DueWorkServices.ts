/**
 * What the suites of due work share: a store whose answers virtual time waits for, and clocks that can be set.
 *
 * The tests run on a virtual clock while the store answers from the event loop. So `pass` moves the clock on in steps
 * and lets the store answer everything in between, as it would in real time.
 */

import { it } from "@effect/vitest"
import { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { Clock, Context, Duration, Effect, Layer, Option, type Scope, TestClock } from "effect"
import { VirtualClock } from "./VirtualClock.ts"

export type DueWorkServices = UnitOfWork | AggregateStore.AggregateStore

type Store = Context.Tag.Service<typeof AggregateStore.AggregateStore>

/** What a test can see and change of the store under it. */
export class Bench extends Context.Tag("Bench")<
  Bench,
  {
    /** Waits until the store has answered all, and whoever was answered has gone on. */
    readonly quiet: Effect.Effect<void>
    /** Lets so many milliseconds pass at once. */
    readonly jump: (millis: number) => Effect.Effect<void>
  }
>() {}

export type DueWorkTest = <A, E>(
  title: string,
  body: Effect.Effect<A, E, DueWorkServices | Bench | Scope.Scope>,
) => void

const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** The adapter's services, counted while they work. Without a clock it is the `TestClock` that time passes on. */
export const observed = <A extends DueWorkServices, E>(
  adapter: Layer.Layer<A | DueWorkServices, E>,
  clock?: VirtualClock,
): Effect.Effect<Context.Context<A | DueWorkServices | Bench>, E, Scope.Scope> =>
  Effect.map(Layer.build(adapter), (context) => {
    let running = 0
    const counted = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.acquireUseRelease(
        Effect.sync(() => running++),
        () => effect,
        () => Effect.sync(() => running--),
      )
    const work = Context.get(context, UnitOfWork)
    const store = Context.get(context, AggregateStore.AggregateStore)
    const quiet = Effect.gen(function* () {
      let calm = 0
      while (calm < 5) {
        yield* turn
        calm = running === 0 ? calm + 1 : 0
      }
    })
    const jump = (millis: number) =>
      clock === undefined ? TestClock.adjust(Duration.millis(millis)) : Effect.sync(() => clock.jump(millis))
    return context.pipe(
      Context.add(UnitOfWork, { run: (body) => counted(work.run(body)) }),
      Context.add(AggregateStore.AggregateStore, {
        ...store,
        get: (kind, id) => counted(store.get(kind, id)),
        list: (kind, page) => counted(store.list(kind, page)),
        nextDueAtMs: (kind) => counted(store.nextDueAtMs(kind)),
        backlog: (kind, nowMs) => counted(store.backlog(kind, nowMs)),
      }),
      Context.add(Bench, { quiet, jump }),
    )
  })

/** Adds tests that each have a store and a clock of their own. */
export const testOn =
  (store: Layer.Layer<DueWorkServices, unknown>): DueWorkTest =>
  (title, body) =>
    it.live(
      title,
      () => {
        const clock = new VirtualClock()
        return Effect.flatMap(observed(store, clock), (context) => Effect.provide(body, context)).pipe(
          Effect.scoped,
          Effect.withClock(clock),
        )
      },
      60_000,
    )

export const quiet = Effect.flatMap(Bench, (bench) => bench.quiet)

/** Lets time pass at once, as for a machine that was asleep. */
export const jump = (millis: number): Effect.Effect<void, never, Bench> =>
  Effect.flatMap(Bench, (bench) => bench.jump(millis))

/** Lets virtual time pass, a step at a time. */
export const pass = (millis: number, stepMillis = 250): Effect.Effect<void, never, Bench> =>
  Effect.gen(function* () {
    yield* quiet
    for (let left = millis; left > 0; left -= stepMillis) {
      yield* jump(Math.min(left, stepMillis))
      yield* quiet
    }
  })

let kinds = 0
/** A kind that no other test uses. */
export const freshKind = (name: string): string => `${name}-${++kinds}`

type StoreOf<A, E, R> = (store: Store) => Effect.Effect<A, E, R>

export const ask = <A, E, R>(question: StoreOf<A, E, R>) => Effect.flatMap(AggregateStore.AggregateStore, question)

export const change = <A, E, R>(write: StoreOf<A, E, R>) => UnitOfWork.run(ask(write))

/** Puts aggregates there that are due at `dueAtMs`. */
export const put = (kind: string, ids: ReadonlyArray<string>, dueAtMs: number | null = 0, rank = 0) =>
  change((store) =>
    Effect.forEach(ids, (id) => store.insert(kind, id, { state: { id }, dueAtMs, rank }), { discard: true }),
  )

export const find = (kind: string, id: string) =>
  Effect.map(
    ask((store) => store.get(kind, id)),
    Option.getOrUndefined,
  )

/** A wall clock that can be set, over the time that passes in the test. Give it to who is to be misled: `Effect.withClock`. */
export const settableClock = Effect.map(Effect.clock, (clock) => {
  let offset = 0
  const settable: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + offset,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + offset),
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (duration) => clock.sleep(duration),
  }
  const setBy = (millis: number) =>
    Effect.sync(() => {
      offset += millis
    })
  return { clock: settable, setBy }
})
