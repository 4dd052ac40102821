/** The people group of the API. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { CurrentActor, Forbidden, PacelineApi } from "@paceline/core/contract"
import { Effect } from "effect"
import { People } from "./Service.ts"

/** Who `/me` is. */
const me = Effect.flatMap(CurrentActor, (actor) =>
  actor._tag === "Athlete"
    ? Effect.succeed(actor.athleteId)
    : new Forbidden({ message: "This is for athletes: send an athlete's own key." }),
)

export const layer = HttpApiBuilder.group(PacelineApi, "people", (handlers) =>
  Effect.map(People, (people) =>
    handlers
      .handle("create", ({ payload }) => people.create(payload))
      .handle("list", () => people.list())
      .handle("me", () => Effect.flatMap(me, people.profile))
      .handle("changeMe", ({ payload: { seen = null, version, ...choices } }) =>
        Effect.flatMap(me, (athleteId) => people.change(athleteId, choices, { version, choices: seen })),
      ),
  ),
)
