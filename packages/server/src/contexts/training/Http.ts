/** The training group of the API. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { PacelineApi } from "@paceline/core/contract"
import { Effect } from "effect"
import { Training } from "./Service.ts"

export const layer = HttpApiBuilder.group(PacelineApi, "training", (handlers) =>
  Effect.map(Training, (training) =>
    handlers
      .handle("complete", ({ path }) => training.complete(path.classId, path.athleteId))
      .handle("workouts", ({ path }) => training.workouts(path.athleteId)),
  ),
)
