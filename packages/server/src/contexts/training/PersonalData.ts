/**
 * What training keeps of an athlete: sessions with their heart rates as they were counted, merges, and what was decided
 * about those. Their tiles go at once.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import { type AthleteId, orUnavailable, type PersonalDataSection } from "@paceline/core/contract"
import { Chunk, Effect, Option, Stream } from "effect"
import { MergeRepository } from "./MergeRepository.ts"
import { type TrainingSession, workout } from "./Model.ts"
import { TrainingRepository } from "./Repository.ts"
import { Wall } from "./Wall.ts"

/** So many sessions are read, or erased, at once. */
const PAGE = 20

export const section = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const work = yield* UnitOfWork
  const sessions = yield* TrainingRepository
  const merges = yield* MergeRepository
  const wall = yield* Wall

  const sessionsOf = (athleteId: AthleteId) =>
    Stream.paginateChunkEffect("", (after) =>
      Effect.map(orUnavailable(sessions.page(athleteId, after, PAGE)), (page) => {
        const next = page.length < PAGE ? Option.none<string>() : Option.some(page[PAGE - 1]?.sessionId ?? "")
        return [Chunk.unsafeFromArray(page), next] as const
      }),
    )

  const told = (session: TrainingSession) =>
    Effect.map(orUnavailable(merges.series(session.sessionId)), ({ heartRates, speeds }) => ({
      type: "session",
      ...workout(session),
      isOpen: session.endedAtMs === null,
      maxHeartRateBpm: session.maxHeartRateBpm,
      source: session.source,
      ...heartRates,
      speedAtMs: speeds.atMs,
      speedMetresPerSecond: speeds.metresPerSecond,
    }))

  const training: PersonalDataSection = {
    name: "training",
    export: (athleteId) =>
      sessionsOf(athleteId).pipe(
        Stream.mapEffect(told),
        Stream.concat(
          Stream.fromIterableEffect(orUnavailable(merges.listAll(athleteId))).pipe(
            Stream.map((merge) => ({ type: "merge", ...merge })),
          ),
        ),
        Stream.concat(
          Stream.fromIterableEffect(orUnavailable(merges.decisions(athleteId))).pipe(
            Stream.map((decision) => ({ type: "mergeDecision", ...decision })),
          ),
        ),
      ),
    close: (athleteId) =>
      orUnavailable(
        work.run(
          Effect.zipRight(
            sql`DELETE FROM training_athlete WHERE athlete_id = ${athleteId}`,
            afterCommit(() => wall.forgetAthlete(athleteId)),
          ),
        ),
      ),
    forget: (athleteId) =>
      Effect.gen(function* () {
        const page = yield* sql<{ readonly session_id: string }>`
          SELECT session_id FROM training_session WHERE athlete_id = ${athleteId} LIMIT ${PAGE}`
        if (page.length > 0) {
          const ids = page.map(({ session_id }) => session_id)
          yield* sql`DELETE FROM session_heart_rate WHERE ${sql.in("session_id", ids)}`
          yield* sql`DELETE FROM activity_merge_session WHERE ${sql.in("session_id", ids)}`
          yield* sql`DELETE FROM training_session WHERE ${sql.in("session_id", ids)}`
          return "sessions"
        }
        yield* sql`DELETE FROM activity_merge WHERE athlete_id = ${athleteId}`
        yield* sql`DELETE FROM merge_decision WHERE athlete_id = ${athleteId}`
        yield* sql`DELETE FROM training_athlete WHERE athlete_id = ${athleteId}`
        yield* afterCommit(() => wall.forgetAthlete(athleteId))
        return null
      }).pipe((unit) => work.run(unit), orUnavailable),
  }
  return training
}).pipe(Effect.provide([TrainingRepository.Default, MergeRepository.Default]))
