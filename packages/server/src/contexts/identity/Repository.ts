/** The key hashes in SQL. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import { type Actor, AthleteId, DeviceId } from "@paceline/core/contract"
import { Effect } from "effect"

interface Row {
  readonly kind: Actor["_tag"]
  readonly subject: string | null
}

const subjectOf = (actor: Actor): string | null => {
  switch (actor._tag) {
    case "Admin":
      return null
    case "Device":
      return actor.deviceId
    case "Athlete":
      return actor.athleteId
  }
}

const actorOf = ({ kind, subject }: Row): Actor => {
  switch (kind) {
    case "Admin":
      return { _tag: "Admin" }
    case "Device":
      return { _tag: "Device", deviceId: DeviceId.make(subject ?? "") }
    case "Athlete":
      return { _tag: "Athlete", athleteId: AthleteId.make(subject ?? "") }
  }
}

export class KeyRepository extends Effect.Service<KeyRepository>()("paceline/identity/KeyRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return {
      insert: Effect.fnUntraced(function* (hash: string, actor: Actor, issuedAtMs: number) {
        yield* Transaction
        yield* sql`
          INSERT INTO api_key (hash, kind, subject, issued_at_ms)
          VALUES (${hash}, ${actor._tag}, ${subjectOf(actor)}, ${issuedAtMs})`
      }),

      removeAdminKeys: Effect.fnUntraced(function* () {
        yield* Transaction
        yield* sql`DELETE FROM api_key WHERE kind = 'Admin'`
      }),

      /** Whom the key with this hash stands for; null when nobody. */
      find: Effect.fnUntraced(function* (hash: string) {
        const [row] = yield* sql<Row>`SELECT kind, subject FROM api_key WHERE hash = ${hash}`
        return row === undefined ? null : actorOf(row)
      }),
    }
  }),
}) {}
