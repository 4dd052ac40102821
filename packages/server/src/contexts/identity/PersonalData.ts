/**
 * What identity keeps of an athlete: when their keys were issued (of a key itself there is only its hash), and for a day
 * what their requests were answered with.
 *
 * What others were answered about them goes with it. An answer with a secret in it is sealed by who asked: nobody here can
 * tell whose it is, and it goes by itself within the day.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { UnitOfWork } from "@paceline/core/consistency"
import { type AthleteId, orUnavailable, type PersonalDataSection } from "@paceline/core/contract"
import { Effect, Stream } from "effect"

/** What their keys' answers are kept under; see `Idempotent.ts`. */
const scopeOf = (athleteId: AthleteId): string => `http/athlete/${athleteId}/`

export const section = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const work = yield* UnitOfWork
  const keys = (athleteId: AthleteId) =>
    sql<{ readonly issuedAtMs: number }>`
      SELECT issued_at_ms AS "issuedAtMs" FROM api_key
      WHERE kind = 'Athlete' AND subject = ${athleteId} ORDER BY issued_at_ms`
  const answers = (athleteId: AthleteId) => {
    const scope = scopeOf(athleteId)
    return sql<{ readonly key: string; readonly answer: string | null; readonly expiresAtMs: number }>`
      SELECT substr(key, ${scope.length + 1}) AS key, answer, expires_at_ms AS "expiresAtMs" FROM idempotent_answer
      WHERE substr(key, 1, ${scope.length}) = ${scope} ORDER BY key`
  }
  const identity: PersonalDataSection = {
    name: "identity",
    export: (athleteId) =>
      Stream.concat(
        Stream.fromIterableEffect(orUnavailable(keys(athleteId))).pipe(Stream.map((key) => ({ type: "key", ...key }))),
        Stream.fromIterableEffect(orUnavailable(answers(athleteId))).pipe(
          Stream.map((answer) => ({ type: "answer", ...answer })),
        ),
      ),
    close: (athleteId) =>
      orUnavailable(work.run(sql`DELETE FROM api_key WHERE kind = 'Athlete' AND subject = ${athleteId}`)),
    forget: (athleteId) => {
      const scope = scopeOf(athleteId)
      const forgotten = sql`
        DELETE FROM idempotent_answer
        WHERE substr(key, 1, ${scope.length}) = ${scope} OR instr(answer, ${athleteId}) > 0`
      return orUnavailable(Effect.as(work.run(forgotten), null))
    },
  }
  return identity
})
