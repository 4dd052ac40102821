/** The part of the due work suite that sets the wall clock, by an hour in either direction. */
import { expect } from "@effect/vitest"
import { DueWork } from "@paceline/core/messaging"
import { Effect, Fiber } from "effect"
import { change, type DueWorkTest, find, freshKind, pass, put, settableClock } from "./DueWorkServices.ts"

const HOUR = 3_600_000
const MINUTE = 60_000

export const dueWorkTime = (test: DueWorkTest): void => {
  for (const [name, step] of [
    ["forward", HOUR],
    ["back", -HOUR],
  ] as const) {
    test(
      `[log 34] a wall clock set ${name} an hour runs nothing twice that is being worked on`,
      Effect.gen(function* () {
        const kind = freshKind("jump")
        const { clock, setBy } = yield* settableClock
        yield* put(kind, ["long"])
        const started: Array<number> = []
        const worker = DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) =>
            Effect.gen(function* () {
              started.push(yield* DueWork.now)
              yield* Effect.sleep(10 * MINUTE)
              yield* claim.settle((change) => change.archive({}, 0))
            }),
        }).pipe(Effect.withClock(clock))
        yield* Effect.fork(worker)
        yield* pass(1_000)
        yield* Effect.fork(worker)
        yield* pass(5_000)
        yield* setBy(step)
        // The other worker looks before the claim is renewed.
        yield* pass(3_000)
        yield* pass(12 * MINUTE, 10_000)
        expect(started.length).toBe(1)
        expect(yield* find(kind, "long")).toBeUndefined()
      }),
    )

    test(
      `[log 34] a wall clock set ${name} an hour lets nothing sleep: what is due in a minute comes within two`,
      Effect.gen(function* () {
        const kind = freshKind("jump")
        const { clock, setBy } = yield* settableClock
        const start = yield* Effect.withClock(DueWork.now, clock)
        yield* put(kind, ["soon"], start + MINUTE)
        const handled: Array<string> = []
        yield* Effect.fork(
          DueWork.run({
            kind,
            concurrency: 1,
            handle: (claim) =>
              Effect.zipRight(
                Effect.sync(() => handled.push(claim.id)),
                claim.settle((change) => change.remove),
              ),
          }).pipe(Effect.withClock(clock)),
        )
        yield* pass(1_000)
        yield* setBy(step)
        yield* pass(30_000, 1_000)
        expect(handled).toEqual([])
        yield* pass(90_000, 1_000)
        expect(handled).toEqual(["soon"])
      }),
    )
  }

  test(
    "[log 34] a worker that died before the clock was set back holds nothing for an hour after a restart",
    Effect.gen(function* () {
      const kind = freshKind("restart")
      const before = yield* settableClock
      yield* before.setBy(10 * HOUR)
      yield* put(kind, ["a", "b"], 10 * HOUR)
      // It claims, and notes the time; then it dies with a claim in its hands.
      const first = yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) => claim.settle((change) => change.remove),
        }).pipe(Effect.withClock(before.clock)),
      )
      yield* pass(1_000)
      yield* Fiber.interrupt(first)
      yield* put(kind, ["c"], 10 * HOUR)
      yield* change((s) => s.claim(kind, 0, { nowMs: 10 * HOUR, untilMs: 10 * HOUR + 30_000, limit: 1 }))
      const after = yield* settableClock
      yield* after.setBy(9 * HOUR)
      const handled: Array<string> = []
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) =>
            Effect.zipRight(
              Effect.sync(() => handled.push(claim.id)),
              claim.settle((change) => change.remove),
            ),
        }).pipe(Effect.withClock(after.clock)),
      )
      yield* pass(90_000, 1_000)
      expect(handled).toEqual(["c"])
    }),
  )
}
