/** What privacy does by itself: it carries erasures out, from the first moment of a start on, until none is left. */
import { Duration, Effect, Layer } from "effect"
import { Erasing } from "./Erasing.ts"

/** Between two pages, so that those who deliver are not kept waiting. */
const BREATH = Duration.millis(2)

/** Consumer groups, or the disk, need a moment. */
const MOMENT = Duration.millis(200)

const AFTER_TROUBLE = Duration.seconds(2)

export const layer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const erasing = yield* Erasing
    const step = erasing.advance().pipe(
      Effect.flatMap((advance) => {
        if (advance === "idle") return erasing.rung
        return Effect.sleep(advance === "progress" ? BREATH : MOMENT)
      }),
      Effect.catchAllCause((cause) =>
        Effect.zipRight(
          Effect.logError("An erasure could not go on; it is tried again.", cause),
          Effect.sleep(AFTER_TROUBLE),
        ),
      ),
    )
    yield* Effect.forkScoped(Effect.forever(step))
  }),
)
