/**
 * The time that due work goes by, in this process: one steady time for each Effect clock (see the kernel `SteadyTime`).
 *
 * What is stored with a due time should be given it by `now`, so that a wall clock that was set does not put it out of
 * step with those who look for it. So that a clock set back while the program was down puts nothing to sleep either,
 * the store remembers roughly the latest time at which work was taken.
 */
import { Clock, Context, DefaultServices, Effect, Option } from "effect"
import * as AggregateStore from "../consistency/AggregateStore.ts"
import { UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as SteadyTime from "../kernel/workflow/SteadyTime.ts"

/** The time of one clock, in plain code. */
export interface Times {
  /** The steady time, in milliseconds since the epoch. */
  readonly now: () => number
  /** When a lease that is given now is over: by the due times, and by the monotonic clock. */
  readonly lease: (leaseMillis: number) => { readonly untilMs: number; readonly untilMonotonic: number }
  /** By the host's monotonic clock, in milliseconds from an arbitrary origin: for what this process alone measures. */
  readonly monotonic: () => number
}

interface Reading {
  readonly time: SteadyTime.SteadyTime
  readonly times: Times
  notedAtMs: number
}

const readings = new WeakMap<Clock.Clock, Reading>()

const hostClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** The host's without a big integer, which would cost more than all the rest. */
const monotonicOf = (clock: Clock.Clock): number =>
  clock === hostClock ? performance.now() : Number(clock.unsafeCurrentTimeNanos() / 1_000n) / 1_000

const readingOf = (clock: Clock.Clock): Reading => {
  const known = readings.get(clock)
  if (known !== undefined) return known
  const time = SteadyTime.make(clock.unsafeCurrentTimeMillis(), monotonicOf(clock))
  const times: Times = {
    now: () => SteadyTime.read(time, clock.unsafeCurrentTimeMillis(), monotonicOf(clock)),
    lease: (leaseMillis) => {
      const monotonic = monotonicOf(clock)
      const untilMs = SteadyTime.leaseUntil(time, leaseMillis, clock.unsafeCurrentTimeMillis(), monotonic)
      return { untilMs, untilMonotonic: monotonic + leaseMillis }
    },
    monotonic: () => monotonicOf(clock),
  }
  const reading = { time, times, notedAtMs: Number.NEGATIVE_INFINITY }
  readings.set(clock, reading)
  return reading
}

export const timesOf = (clock: Clock.Clock): Times => readingOf(clock).times

/** The steady time, in milliseconds since the epoch. */
export const now: Effect.Effect<number> = Effect.clockWith((clock) => Effect.sync(() => readingOf(clock).times.now()))

const KIND = "steady-time"
const ID = "seen"

/** How far the noted time may lie behind. */
const NOTE_EVERY_MILLIS = 10_000

const seenOf = (state: unknown): number | undefined => {
  const atMs: unknown = Reflect.get(Object(state), "atMs")
  return typeof atMs === "number" ? atMs : undefined
}

/** Goes on from the time that the store has seen. */
export const resume = Effect.gen(function* () {
  const store = yield* AggregateStore.AggregateStore
  const clock = yield* Effect.clock
  const seen = Option.flatMapNullable(yield* store.get(KIND, ID), ({ state }) => seenOf(state))
  if (Option.isSome(seen)) SteadyTime.resume(readingOf(clock).time, seen.value)
})

/** Notes the time in the store, now and then. That another notes it at the same moment does not matter. */
export const note = Effect.gen(function* () {
  const reading = readingOf(yield* Effect.clock)
  const atMs = yield* now
  if (atMs - reading.notedAtMs < NOTE_EVERY_MILLIS) return
  reading.notedAtMs = atMs
  const store = yield* AggregateStore.AggregateStore
  yield* UnitOfWork.run(
    Effect.flatMap(store.get(KIND, ID), (stored) =>
      Option.isNone(stored)
        ? store.insert(KIND, ID, { state: { atMs }, dueAtMs: null })
        : store.update(KIND, ID, stored.value.version, { state: { atMs }, dueAtMs: null }),
    ),
  )
}).pipe(Effect.catchTag("VersionConflict", () => Effect.void))
