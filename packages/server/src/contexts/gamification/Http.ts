/** The gamification group of the API. It is among the first to rest while the server has too much to do. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { PacelineApi, Unavailable } from "@paceline/core/contract"
import { Degradation } from "@paceline/core/resilience"
import { Effect } from "effect"
import { Gamification } from "./Service.ts"

const resting = new Unavailable({
  message: "Leaderboards and points rest while the server has too much to do. No point is lost; try again in a minute.",
})

export const layer = HttpApiBuilder.group(PacelineApi, "gamification", (handlers) =>
  Effect.gen(function* () {
    const gamification = yield* Gamification
    const degradation = yield* Degradation.Degradation
    const unlessResting = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      degradation.whenOn("gamification", effect, () => Effect.fail(resting))
    return handlers
      .handle("leaderboard", ({ path }) => unlessResting(gamification.leaderboard(path.classId)))
      .handle("points", ({ path }) => unlessResting(gamification.points(path.athleteId)))
  }),
)
