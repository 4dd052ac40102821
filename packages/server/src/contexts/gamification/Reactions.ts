/** What gamification does by itself: it follows completed workouts and aliases from the log. */
import { Topics } from "@paceline/core/contract"
import { Consumer } from "@paceline/core/messaging"
import { Duration, Effect, Layer, Schedule } from "effect"
import { Gamification } from "./Service.ts"

export const GROUP = "gamification"

/** Stopping a server waits no longer than this for what is being handled; it is rolled back, and handled again. */
const DRAIN = Duration.seconds(2)

const EVERY_SECOND = Schedule.spaced(Duration.seconds(1))

export const layer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const gamification = yield* Gamification
    yield* Consumer.run({
      group: GROUP,
      topic: Topics.people,
      drain: DRAIN,
      handle: (batch) =>
        gamification.saveAliases(batch.flatMap(({ event }) => (event._tag === "ProfileChanged" ? [event] : []))),
    }).pipe(Effect.retry(EVERY_SECOND), Effect.forkScoped)
    yield* Consumer.run({
      group: GROUP,
      topic: Topics.training,
      drain: DRAIN,
      handle: (batch) => gamification.award(batch.map(({ event }) => event)),
    }).pipe(Effect.retry(EVERY_SECOND), Effect.forkScoped)
  }),
)
