/** The gamification group of the API. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { PacelineApi } from "@paceline/core/contract"
import { Effect } from "effect"
import { Gamification } from "./Service.ts"

export const layer = HttpApiBuilder.group(PacelineApi, "gamification", (handlers) =>
  Effect.map(Gamification, (gamification) =>
    handlers
      .handle("leaderboard", ({ path }) => gamification.leaderboard(path.classId))
      .handle("points", ({ path }) => gamification.points(path.athleteId)),
  ),
)
