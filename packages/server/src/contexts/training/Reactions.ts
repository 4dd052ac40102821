/**
 * What training does by itself: it follows profiles and telemetry from the log, shows heart rates as they come,
 * lets them grow old, and ends sessions that fell silent.
 */
import { HeartRates, Topics } from "@paceline/core/contract"
import { Consumer } from "@paceline/core/messaging"
import { Duration, Effect, Layer, Schedule } from "effect"
import { SilentSessions, Training } from "./Service.ts"
import { Wall } from "./Wall.ts"

const GROUP = "training"

/** Stopping a server waits no longer than this for what is being handled; it is rolled back, and handled again. */
const DRAIN = Duration.seconds(2)

/**
 * Telemetry of an athlete whose profile has not come is tried again for some minutes, and only that athlete's waits:
 * profiles are another topic, and may be behind.
 */
const TELEMETRY_ATTEMPTS = 100

const EVERY_SECOND = Schedule.spaced(Duration.seconds(1))

export const layer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const training = yield* Training
    const wall = yield* Wall
    const heartRates = yield* HeartRates
    const { endAfterMillis } = yield* SilentSessions

    yield* Effect.acquireRelease(
      Effect.sync(() => heartRates.subscribe(wall.showReading)),
      (unsubscribe) => Effect.sync(unsubscribe),
    )
    yield* Effect.sync(wall.tick).pipe(Effect.repeat(EVERY_SECOND), Effect.forkScoped)
    yield* training.completeSilent(endAfterMillis).pipe(
      Effect.catchAllCause((cause) => Effect.logError("Silent sessions could not be ended.", cause)),
      Effect.repeat(Schedule.spaced(Duration.minutes(1))),
      Effect.forkScoped,
    )
    yield* Consumer.run({
      group: GROUP,
      topic: Topics.people,
      drain: DRAIN,
      handle: (batch) =>
        training.saveAthletes(batch.flatMap(({ event }) => (event._tag === "ProfileChanged" ? [event] : []))),
    }).pipe(Effect.retry(EVERY_SECOND), Effect.forkScoped)
    yield* Consumer.run({
      group: GROUP,
      topic: Topics.telemetry,
      attempts: TELEMETRY_ATTEMPTS,
      drain: DRAIN,
      handle: (batch) => training.record(batch.map(({ event }) => event)),
    }).pipe(Effect.retry(EVERY_SECOND), Effect.forkScoped)
  }),
)
