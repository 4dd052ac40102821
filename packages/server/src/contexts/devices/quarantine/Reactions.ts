/** What the quarantine does by itself: when the server starts, it tries again what an older version could not read. */
import { UnitOfWork } from "@paceline/core/consistency"
import { Duration, Effect, Layer } from "effect"
import { QuarantineReplay, type Step } from "./Replay.ts"

/** Between two steps, so that those who deliver are not kept waiting. */
const BREATH = Duration.millis(5)

export const layer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const replay = yield* QuarantineReplay
    const work = yield* UnitOfWork
    const all = Effect.gen(function* () {
      let readable = 0
      for (let from: number | null = 0; from !== null; ) {
        const step: Step = yield* Effect.delay(work.run(replay.step(from)), BREATH)
        readable += step.readable
        from = step.last
      }
      if (readable > 0) {
        yield* Effect.logInfo("Chunks that an older version had set aside can be read now.").pipe(
          Effect.annotateLogs({ chunks: readable }),
        )
      }
    })
    yield* all.pipe(
      Effect.catchAllCause((cause) => Effect.logError("The quarantine could not be looked through.", cause)),
      Effect.forkScoped,
    )
  }),
).pipe(Layer.provide(QuarantineReplay.Default))
