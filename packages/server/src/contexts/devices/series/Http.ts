/** The series group of the API. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { PacelineApi } from "@paceline/core/contract"
import { Effect } from "effect"
import { Series } from "./Service.ts"

export const layer = HttpApiBuilder.group(PacelineApi, "series", (handlers) =>
  Effect.map(Series, (series) =>
    handlers
      .handle("read", ({ path, urlParams }) => series.read(path.athleteId, urlParams))
      .handle("rebuild", () => series.rebuild()),
  ),
)
