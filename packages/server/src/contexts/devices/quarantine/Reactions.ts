/**
 * What the quarantine does by itself: when the server starts, before its doors open, it tries again what an older version
 * could not read; then, and every ten minutes, it lets go what is beyond its bounds.
 */
import { UnitOfWork } from "@paceline/core/consistency"
import { Duration, Effect, Layer, Schedule } from "effect"
import { QuarantineEviction } from "./Eviction.ts"
import { QuarantineReplay, type Step } from "./Replay.ts"

/** Between two steps, so that those who deliver are not kept waiting. */
const BREATH = Duration.millis(5)

const EVERY_TEN_MINUTES = Schedule.spaced(Duration.minutes(10))

export const layer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const replay = yield* QuarantineReplay
    const eviction = yield* QuarantineEviction
    const work = yield* UnitOfWork

    const readAgain = Effect.gen(function* () {
      let readable = 0
      for (let from: number | null = 0; from !== null; ) {
        const step: Step = yield* work.run(replay.step(from))
        readable += step.readable
        from = step.last
      }
      if (readable > 0) {
        yield* Effect.logInfo("Chunks that an older version had set aside can be read now.").pipe(
          Effect.annotateLogs({ chunks: readable }),
        )
      }
    })

    const keepInBounds = Effect.gen(function* () {
      let chunks = 0
      for (let evicted = 1; evicted > 0; chunks += evicted) {
        evicted = yield* Effect.delay(work.run(eviction.step()), BREATH)
      }
      if (chunks > 0) {
        yield* Effect.logWarning("The quarantine was full, or old: chunks of it were declared missing.").pipe(
          Effect.annotateLogs({ chunks }),
        )
      }
    })

    // What comes of a bridge from now on is newer: training counts each source in the order of the log.
    yield* readAgain.pipe(
      Effect.catchAllCause((cause) => Effect.logError("The quarantine could not be looked through.", cause)),
    )
    yield* keepInBounds.pipe(
      Effect.catchAllCause((cause) => Effect.logError("The quarantine could not be kept in its bounds.", cause)),
      Effect.repeat(EVERY_TEN_MINUTES),
      Effect.forkScoped,
    )
  }),
).pipe(Layer.provide(Layer.merge(QuarantineReplay.Default, QuarantineEviction.Default)))
