/** Profiles in SQL. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction, VersionConflict } from "@paceline/core/consistency"
import type { AthleteId, Profile } from "@paceline/core/contract"
import { Effect } from "effect"

interface Row {
  readonly athleteId: AthleteId
  readonly alias: string
  readonly heartRateVisible: 0 | 1
  readonly maxHeartRateBpm: number
  readonly version: number
}

const profileOf = (row: Row): Profile => ({ ...row, heartRateVisible: row.heartRateVisible === 1 })

export class ProfileRepository extends Effect.Service<ProfileRepository>()("paceline/people/ProfileRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const columns = sql.literal(
      `athlete_id AS "athleteId", alias, heart_rate_visible AS "heartRateVisible",
       max_heart_rate_bpm AS "maxHeartRateBpm", version`,
    )
    return {
      insert: Effect.fnUntraced(function* (profile: Profile) {
        yield* Transaction
        yield* sql`
          INSERT INTO profile (athlete_id, alias, heart_rate_visible, max_heart_rate_bpm, version)
          VALUES (${profile.athleteId}, ${profile.alias}, ${profile.heartRateVisible ? 1 : 0},
                  ${profile.maxHeartRateBpm}, ${profile.version})`
      }),

      /** Writes the profile over the version before it, or fails when that is not the version there is. */
      update: Effect.fnUntraced(function* (profile: Profile) {
        yield* Transaction
        const expectedVersion = profile.version - 1
        const written = yield* sql`
          UPDATE profile
          SET alias = ${profile.alias}, heart_rate_visible = ${profile.heartRateVisible ? 1 : 0},
              max_heart_rate_bpm = ${profile.maxHeartRateBpm}, version = ${profile.version}
          WHERE athlete_id = ${profile.athleteId} AND version = ${expectedVersion}
          RETURNING version`
        if (written.length > 0) return
        const [now] = yield* sql<Row>`SELECT ${columns} FROM profile WHERE athlete_id = ${profile.athleteId}`
        return yield* new VersionConflict({
          aggregate: "profile",
          id: profile.athleteId,
          expectedVersion,
          actualVersion: now?.version ?? 0,
        })
      }),

      find: Effect.fnUntraced(function* (athleteId: AthleteId) {
        const [row] = yield* sql<Row>`SELECT ${columns} FROM profile WHERE athlete_id = ${athleteId}`
        return row === undefined ? null : profileOf(row)
      }),

      list: Effect.fnUntraced(function* () {
        const rows = yield* sql<Row>`SELECT ${columns} FROM profile ORDER BY alias, athlete_id`
        return rows.map(profileOf)
      }),
    }
  }),
}) {}
