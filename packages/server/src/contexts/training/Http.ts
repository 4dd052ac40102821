/** The training group of the API. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { PacelineApi } from "@paceline/core/contract"
import { Effect } from "effect"
import { Merging } from "./Merging.ts"
import { Training } from "./Service.ts"

export const layer = HttpApiBuilder.group(PacelineApi, "training", (handlers) =>
  Effect.map(Effect.all([Training, Merging]), ([training, merging]) =>
    handlers
      .handle("complete", ({ path }) => training.complete(path.classId, path.athleteId))
      .handle("workouts", ({ path }) => training.workouts(path.athleteId))
      .handle("merges", ({ path }) => merging.list(path.athleteId))
      .handle("merge", ({ path, payload }) => merging.merge(path.athleteId, payload.sessions))
      .handle("undoMerge", ({ path }) => merging.undo(path.athleteId, path.mergeId)),
  ),
)
