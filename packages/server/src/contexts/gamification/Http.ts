/** The gamification group of the API. It is among the first to rest while the server has too much to do. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import { ReadYourWrites, type WritePosition } from "@paceline/core/consistency"
import { invalidSession, orUnavailable, PacelineApi, SESSION, Topics, Unavailable } from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Degradation } from "@paceline/core/resilience"
import { Effect, Schema } from "effect"
import { GROUP } from "./Reactions.ts"
import { Gamification } from "./Service.ts"

const resting = new Unavailable({
  message: "Leaderboards and points rest while the server has too much to do. No point is lost; try again in a minute.",
})

const readSession = (header: string) =>
  Effect.mapError(Schema.decode(ReadYourWrites.SessionToken)(header), () => invalidSession)

const notYet = new Unavailable({
  message: "What you changed is stored, but not counted here yet. Ask again in a moment.",
})

export const layer = HttpApiBuilder.group(PacelineApi, "gamification", (handlers) =>
  Effect.gen(function* () {
    const gamification = yield* Gamification
    const degradation = yield* Degradation.Degradation
    const unlessResting = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      degradation.whenOn("gamification", effect, () => Effect.fail(resting))
    const context = yield* Effect.context<WritePosition.WritePosition>()
    const log = yield* EventLog.EventLog
    const projections = [{ group: GROUP, log, topics: [Topics.people.name, Topics.training.name] }]
    /** Waits until what the sender's session wrote is counted here. */
    const ownWrites = ({ headers }: HttpServerRequest) => {
      const session = headers[SESSION]
      if (session === undefined) return Effect.void
      return Effect.flatMap(readSession(session), (token) => ReadYourWrites.waitFor(token, { projections })).pipe(
        Effect.provide(context),
        Effect.catchTag("NotYetVisible", () => notYet),
        Effect.catchTag("InvalidSessionToken", () => invalidSession),
        orUnavailable,
      )
    }
    return handlers
      .handle("leaderboard", ({ path, request }) =>
        unlessResting(Effect.zipRight(ownWrites(request), gamification.leaderboard(path.classId))),
      )
      .handle("points", ({ path, request }) =>
        unlessResting(Effect.zipRight(ownWrites(request), gamification.points(path.athleteId))),
      )
  }),
)
