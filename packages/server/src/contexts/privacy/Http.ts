/** The privacy group of the API. An export is streamed as it is read. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { PacelineApi } from "@paceline/core/contract"
import { Effect } from "effect"
import { Erasing } from "./Erasing.ts"
import { Exporting } from "./Exporting.ts"

export const layer = HttpApiBuilder.group(PacelineApi, "privacy", (handlers) =>
  Effect.map(Effect.all([Erasing, Exporting]), ([erasing, exporting]) =>
    handlers
      .handleRaw("export", ({ path }) =>
        Effect.map(exporting.export(path.athleteId), (lines) =>
          HttpServerResponse.stream(lines, {
            contentType: "application/x-ndjson",
            headers: {
              "content-disposition": `attachment; filename="${path.athleteId}.ndjson"`,
              "cache-control": "no-store",
            },
          }),
        ),
      )
      .handle("erase", ({ path }) => erasing.erase(path.athleteId))
      .handle("erasure", ({ path }) => erasing.status(path.athleteId))
      .handle("erasureByReceipt", ({ path }) => erasing.progress(path.receipt)),
  ),
)
