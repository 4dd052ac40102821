/** A saga of four steps, from its start to its end, 100 at once: each step is recorded before the next begins. */
import { Saga } from "@paceline/core/workflow"
import { Effect, Option, Schema } from "effect"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import * as EffectWorkflow from "./peers/EffectWorkflow.ts"
import { byFibers, perSecond } from "./stage/Figures.ts"
import { DURABLE_SQLITE, openSqlite } from "./stage/Stores.ts"
import { Workout, workout } from "./stage/Workout.ts"

const AT_ONCE = 100
const OURS = 2_000
const THEIRS = 100

const Result = Schema.Struct({ n: Schema.Number })

/** Calls to the outside, as activities are: at least once each. */
const Registration = Saga.make({
  name: "registration",
  input: Workout,
  steps: (saga) =>
    saga
      .call("reserve", { result: Result, run: () => Effect.succeed({ n: 1 }) })
      .call("charge", { result: Result, run: (_, { reserve }) => Effect.succeed({ n: reserve.n + 1 }) })
      .call("confirm", { result: Result, run: (_, { charge }) => Effect.succeed({ n: charge.n + 1 }) })
      .call("tell", { result: Result, run: (_, { confirm }) => Effect.succeed({ n: confirm.n + 1 }) }),
})

/** Steps in the unit of work that records them: exactly once each. */
const Transactional = Saga.make({
  name: "transactional",
  input: Workout,
  steps: (saga) =>
    saga
      .transaction("reserve", { result: Result, run: () => Effect.succeed({ n: 1 }) })
      .transaction("charge", { result: Result, run: (_, { reserve }) => Effect.succeed({ n: reserve.n + 1 }) })
      .transaction("confirm", { result: Result, run: (_, { charge }) => Effect.succeed({ n: charge.n + 1 }) })
      .transaction("tell", { result: Result, run: (_, { confirm }) => Effect.succeed({ n: confirm.n + 1 }) }),
})

const ours = (atEnd: AtEnd, saga: typeof Registration | typeof Transactional): Measure => {
  const { run } = openSqlite(atEnd)
  let round = 0
  const toTheEnd = (id: string, n: number) =>
    Effect.gen(function* () {
      yield* saga.start(id, workout(n))
      const { results } = yield* saga.await(id)
      if (Option.getOrUndefined(results)?.tell.n !== 4)
        yield* Effect.dieMessage(`${id} ended with ${JSON.stringify(results)}`)
    })
  return () => {
    const named = `round-${round++}`
    const all = byFibers(AT_ONCE, OURS, (n) => toTheEnd(`${named}-${n}`, n))
    return perSecond(OURS, () => run(Effect.scoped(Effect.zipRight(saga.work({ concurrency: AT_ONCE }), all))))
  }
}

const theirs = (atEnd: AtEnd): Measure => {
  const { execute, run } = EffectWorkflow.open(atEnd)
  let round = 0
  return () => {
    const named = `round-${round++}`
    return perSecond(THEIRS, () => run(byFibers(AT_ONCE, THEIRS, (n) => execute(`${named}-${n}`, workout(n)))))
  }
}

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `saga of 4 steps to the end, SQLite, ${AT_ONCE} at once`,
      unit: "sagas/s",
      better: "more",
      goal: 50,
      rounds: 5,
      note: `${DURABLE_SQLITE}, steps that call the outside, with timeline, compensation and archive; peer: ${EffectWorkflow.SETTINGS}, activities; its storage only grows`,
    },
    async (atEnd) => ({
      ours: ours(atEnd, Registration),
      peers: { [EffectWorkflow.NAME]: theirs(atEnd) },
      beside: { "ours with transactional steps": ours(atEnd, Transactional) },
    }),
  ),
]
