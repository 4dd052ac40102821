/**
 * What series do by themselves: they follow the log of stored chunks, and walk over all chunks when there are some that
 * the log does not tell of, as after an upgrade, or when they were thrown away to be computed again.
 */
import { UnitOfWork } from "@paceline/core/consistency"
import { Topics } from "@paceline/core/contract"
import { Consumer } from "@paceline/core/messaging"
import { Duration, Effect, Layer, Schedule } from "effect"
import { SeriesProjection } from "./Projection.ts"

const GROUP = "series"

/** Stopping a server waits no longer than this for what is being handled; it is rolled back, and handled again. */
const DRAIN = Duration.seconds(2)

/** A record tells of all chunks of one delivery, some four of them where much comes: so many are some ten milliseconds. */
const BATCH = 32

const EVERY_SECOND = Schedule.spaced(Duration.seconds(1))

/** Between two steps of the walk, so that those who deliver are not kept waiting. */
const BREATH = Duration.millis(5)

export const layer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const series = yield* SeriesProjection
    const work = yield* UnitOfWork
    yield* Consumer.run({
      group: GROUP,
      topic: Topics.chunks,
      batchSize: BATCH,
      drain: DRAIN,
      handle: (batch) => series.addStored(batch.map(({ event }) => event)),
    }).pipe(Effect.retry(EVERY_SECOND), Effect.forkScoped)
    yield* work.run(series.walkOn()).pipe(
      Effect.delay(BREATH),
      Effect.repeat({ while: (more) => more }),
      Effect.catchAllCause((cause) => Effect.logError("Series could not be computed from the chunks.", cause)),
      Effect.repeat(EVERY_SECOND),
      Effect.forkScoped,
    )
  }),
)
