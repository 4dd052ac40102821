/** `paceline athlete merges`, `merge` and `part`: activities that several sources recorded, on the running server. */
import { AthleteId, MergeId, SessionId } from "@paceline/core/contract"
import { Console, Effect, Schema } from "effect"
import type { ResolvedSettings } from "../config/Settings.ts"
import { connect, orRefused } from "./LocalServer.ts"
import { table } from "./Table.ts"

interface Output {
  readonly json: boolean
}

const when = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace("T", " ")

export const list = (settings: ResolvedSettings, { athlete, json }: Output & { readonly athlete: string }) =>
  Effect.gen(function* () {
    const athleteId = yield* orRefused(Schema.decode(AthleteId)(athlete))
    const { api } = yield* connect(settings)
    const merges = yield* orRefused(api.training.merges({ path: { athleteId } }))
    if (json) return yield* Console.log(JSON.stringify(merges))
    if (merges.length === 0) return yield* Console.log("No activity was recorded by several sources.")
    const rows = merges.flatMap(({ effortPoints, mergeId, recordings, startedAtMs }) =>
      recordings.map(({ deviceId, sensor, sessionId, ...one }, i) => [
        i === 0 ? mergeId : "",
        i === 0 ? when(startedAtMs) : "",
        i === 0 ? String(effortPoints) : "",
        sessionId,
        sensor === null ? "before sources were kept" : `${sensor} of ${deviceId}`,
        String(one.effortPoints),
      ]),
    )
    yield* Console.log(table([["MERGE", "BEGAN (UTC)", "POINTS", "RECORDING", "SOURCE", "BY ITSELF"], ...rows]))
  })

export interface MergeOptions extends Output {
  readonly athlete: string
  readonly sessions: ReadonlyArray<string>
}

export const merge = (settings: ResolvedSettings, options: MergeOptions) =>
  Effect.gen(function* () {
    const athleteId = yield* orRefused(Schema.decode(AthleteId)(options.athlete))
    const sessions = yield* orRefused(Schema.decode(Schema.Array(SessionId))(options.sessions))
    const { api } = yield* connect(settings)
    const merged = yield* orRefused(api.training.merge({ path: { athleteId }, payload: { sessions } }))
    yield* Console.log(
      options.json
        ? JSON.stringify(merged)
        : `${merged.recordings.length} recordings are one activity now, ${merged.mergeId}: ${merged.effortPoints} points.`,
    )
  })

export interface PartOptions extends Output {
  readonly athlete: string
  readonly merge: string
}

export const part = (settings: ResolvedSettings, options: PartOptions) =>
  Effect.gen(function* () {
    const athleteId = yield* orRefused(Schema.decode(AthleteId)(options.athlete))
    const mergeId = yield* orRefused(Schema.decode(MergeId)(options.merge))
    const { api } = yield* connect(settings)
    const workouts = yield* orRefused(api.training.undoMerge({ path: { athleteId, mergeId } }))
    yield* Console.log(
      options.json
        ? JSON.stringify(workouts)
        : `${workouts.length} recordings are apart again, and stay so: ${workouts
            .map(({ effortPoints, sessionId }) => `${sessionId} (${effortPoints} points)`)
            .join(", ")}.`,
    )
  })
