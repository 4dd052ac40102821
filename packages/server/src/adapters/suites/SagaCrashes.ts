/**
 * Part of the saga suite: what is left when a worker dies, at each point at which it can.
 *
 * A worker "dies" here before or after one of its units of work: from then on none of its units is run or answered, as
 * when its process were gone. Another takes over when the lease is over. Real processes die in `SagaKilled.test.ts`.
 */
import { expect } from "@effect/vitest"
import { StorageError, UnitOfWork } from "@paceline/core/consistency"
import { Saga } from "@paceline/core/workflow"
import { type Context, Effect, Option, Schema } from "effect"
import { pass } from "./DueWorkServices.ts"
import { freshName, happened, keysCalled, ledger, type SagaTest, script, threeSteps, write } from "./SagaServices.ts"

type Work = Context.Tag.Service<typeof UnitOfWork>

/** A unit of work whose process dies around its unit number `at`. */
export const mortal = (work: Work, at: number, when: "before" | "after") => {
  let units = 0
  let dead = false
  let bury = (): void => {}
  const grave = new Promise<void>((resolve) => {
    bury = resolve
  })
  // Nothing is answered while the others go on; at the test's end what still waits has to be let go.
  const silence = Effect.zipRight(
    Effect.promise(() => grave),
    Effect.fail(new StorageError({ reason: "closed", message: "This worker is dead" })),
  )
  const mortal: Work = {
    run: (body) =>
      Effect.suspend(() => {
        if (dead || (++units === at && when === "before")) {
          dead = true
          return silence
        }
        if (units !== at) return work.run(body)
        dead = true
        return Effect.zipRight(work.run(body), silence)
      }),
  }
  /** Works until it dies, and is buried when the test is over. */
  const live = <A, E, R>(worker: Effect.Effect<A, E, R>) =>
    Effect.zipRight(
      Effect.provideService(worker, UnitOfWork, mortal),
      Effect.addFinalizer(() => Effect.sync(bury)),
    )
  const die = () => {
    dead = true
  }
  return { live, die, isDead: () => dead }
}

/** Does it with a process that dies around its first unit of work, then its second …, until it lives. How often it died. */
export const dyingAtEach = <A, E, R>(
  when: "before" | "after",
  once: (victim: ReturnType<typeof mortal>) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const work = yield* UnitOfWork
    for (let deaths = 0; ; deaths++) {
      const victim = mortal(work, deaths + 1, when)
      yield* Effect.scoped(once(victim))
      if (!victim.isDead()) return deaths
    }
  })

/** So many times 8 s: an engine of its own process may answer only after virtual time has gone on. */
const PATIENCE = 40

/** Lets time pass until the saga is over. */
export const toTheEnd = <A extends { readonly status: string }, E, R>(
  saga: { readonly status: (id: string) => Effect.Effect<Option.Option<A>, E, R> },
  id: string,
) =>
  Effect.gen(function* () {
    for (let i = 0; i < PATIENCE; i++) {
      yield* pass(8_000, 8_000)
      const found = Option.getOrThrow(yield* saga.status(id))
      if (found.status !== "running" && found.status !== "compensating") return found
    }
    return yield* Effect.dieMessage(`The saga "${id}" does not end`)
  })

export const sagaCrashes = (test: SagaTest): void => {
  for (const when of ["before", "after"] as const) {
    test(
      `[log 39] a worker that dies ${when} any unit of work: another resumes there, and what is transactional happens once`,
      Effect.gen(function* () {
        const deaths = yield* dyingAtEach(when, ({ live }) =>
          Effect.gen(function* () {
            const name = freshName("mortal")
            const saga = threeSteps(name)
            yield* saga.start("1", { order: 1 })
            yield* live(saga.work({ drainMillis: 0 }))
            yield* pass(0)
            yield* saga.work()
            const done = yield* toTheEnd(saga, "1")
            expect(done.status).toBe("completed")
            expect(yield* ledger(name)).toEqual(["a", "c 2 b 2"])
          }),
        )
        // Claim, a, b and c at the least.
        expect(deaths).toBeGreaterThanOrEqual(4)
        expect(new Set((yield* keysCalled).map((key) => key.split("/").slice(2).join("/")))).toEqual(new Set(["1/b"]))
      }),
    )

    test(
      `[log 39] [log 40] the same when it dies ${when} any unit of work on the way back: in reverse, once each`,
      Effect.gen(function* () {
        const deaths = yield* dyingAtEach(when, ({ live }) =>
          Effect.gen(function* () {
            const name = freshName("mortal")
            const saga = threeSteps(name)
            const earlier = (yield* happened).length
            yield* saga.start("refused", { order: 1 })
            yield* live(saga.work({ drainMillis: 0 }))
            yield* pass(0)
            yield* saga.work()
            const done = yield* toTheEnd(saga, "refused")
            expect(done.status).toBe("compensated")
            expect(yield* ledger(name)).toEqual(["a", "undo a 2"])
            const outside = (yield* happened).slice(earlier)
            // Calls are made again after a crash, with the same key; never a step after its compensation.
            expect(outside.lastIndexOf("b")).toBeLessThan(outside.indexOf("b/compensate"))
            expect(outside.length).toBeLessThanOrEqual(3)
            const undone = done.timeline.filter(
              ({ action, outcome }) => action === "compensate" && outcome === "succeeded",
            )
            expect(undone.map(({ step }) => step)).toEqual(["b", "a"])
          }),
        )
        expect(deaths).toBeGreaterThanOrEqual(6)
      }),
    )
  }

  test(
    "a step that takes each of its workers down is given up, and what was before it is undone",
    Effect.gen(function* () {
      const name = freshName("poison")
      const saga = threeSteps(name, { attempts: 3 })
      const work = yield* UnitOfWork
      const lives = Array.from({ length: 3 }, () => mortal(work, Number.POSITIVE_INFINITY, "after"))
      yield* script("b", ...lives.map(({ die }) => ({ _tag: "Kills" as const, worker: die })))
      yield* saga.start("1", { order: 1 })
      for (const { isDead, live } of lives) {
        yield* live(saga.work({ drainMillis: 0 }))
        for (let i = 0; i < PATIENCE && !isDead(); i++) yield* pass(8_000, 8_000)
      }
      yield* saga.work()
      const done = yield* toTheEnd(saga, "1")
      expect(done.status).toBe("compensated")
      expect(done.timeline.filter(({ outcome, step }) => step === "b" && outcome === "interrupted").length).toBe(3)
      expect(yield* ledger(name)).toEqual(["a", "undo a 2"])
    }),
  )

  test(
    "a transactional step that takes each of its workers down is given up by itself, not the one in the same unit",
    Effect.gen(function* () {
      const name = freshName("poison")
      const work = yield* UnitOfWork
      const lives = Array.from({ length: 4 }, () => mortal(work, Number.POSITIVE_INFINITY, "after"))
      let life = 0
      const saga = Saga.make({
        name,
        input: Schema.Null,
        steps: (steps) =>
          steps
            .transaction("a", {
              result: Schema.Null,
              // As patient as the other: if it were blamed, it would be given up.
              retry: { attempts: 3 },
              run: () => Effect.as(write(name, "a"), null),
              compensate: () => write(name, "undo a"),
            })
            .transaction("poison", {
              result: Schema.Null,
              retry: { attempts: 3 },
              run: () => {
                lives[life++]?.die()
                return Effect.die("gone with its worker")
              },
            }),
      })
      yield* saga.start("1", null)
      for (const { isDead, live } of lives) {
        yield* live(saga.work({ drainMillis: 0 }))
        for (let i = 0; i < PATIENCE && !isDead(); i++) yield* pass(8_000, 8_000)
      }
      yield* saga.work()
      const done = yield* toTheEnd(saga, "1")
      expect(done.reason).toMatchObject({ _tag: "StepFailed", step: "poison" })
      expect(done.status).toBe("compensated")
      expect(yield* ledger(name)).toEqual(["a", "undo a"])
    }),
  )
}
