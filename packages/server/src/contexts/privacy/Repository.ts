/** Erasures in SQL. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import { type AthleteId, ErasedAthletes, orUnavailable } from "@paceline/core/contract"
import { Effect, Layer } from "effect"
import * as Erasure from "./Model.ts"

interface Row {
  readonly subject: string
  readonly athlete_id: AthleteId | null
  readonly task: number
  readonly place: string | null
  readonly announced_partition: number | null
  readonly announced_offset: number | null
  readonly requested_at_ms: number
  readonly completed_at_ms: number | null
}

const erasureOf = (row: Row): Erasure.Running | Erasure.Nameless =>
  row.athlete_id === null
    ? { subject: row.subject, requestedAtMs: row.requested_at_ms, completedAtMs: row.completed_at_ms }
    : {
        subject: row.subject,
        athleteId: row.athlete_id,
        task: Erasure.TASKS[row.task] ?? "contexts",
        place: row.place,
        announced: { partition: row.announced_partition ?? 0, offset: row.announced_offset ?? 0 },
        requestedAtMs: row.requested_at_ms,
      }

export class ErasureRepository extends Effect.Service<ErasureRepository>()("paceline/privacy/ErasureRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return {
      find: Effect.fnUntraced(function* (athleteId: AthleteId) {
        const [row] = yield* sql<Row>`SELECT * FROM erasure WHERE subject = ${Erasure.subjectOf(athleteId)}`
        return row === undefined ? null : erasureOf(row)
      }),

      findByReceipt: Effect.fnUntraced(function* (receiptHash: string) {
        const [row] = yield* sql<Row>`SELECT * FROM erasure WHERE receipt = ${receiptHash}`
        return row === undefined ? null : erasureOf(row)
      }),

      /** The one that was asked for first, of those that have something to be erased. */
      next: Effect.fnUntraced(function* () {
        const [row] = yield* sql<Row>`
          SELECT * FROM erasure WHERE athlete_id IS NOT NULL ORDER BY requested_at_ms, subject LIMIT 1`
        const erasure = row === undefined ? null : erasureOf(row)
        return erasure === null || !("task" in erasure) ? null : erasure
      }),

      insert: Effect.fnUntraced(function* (running: Erasure.Running, receiptHash: string) {
        yield* Transaction
        yield* sql`
          INSERT INTO erasure (subject, athlete_id, task, place, announced_partition, announced_offset, requested_at_ms,
                               receipt)
          VALUES (${running.subject}, ${running.athleteId}, ${Erasure.TASKS.indexOf(running.task)}, ${running.place},
                  ${running.announced.partition}, ${running.announced.offset}, ${running.requestedAtMs},
                  ${receiptHash})`
      }),

      move: Effect.fnUntraced(function* (subject: string, task: Erasure.Task, place: string | null) {
        yield* Transaction
        yield* sql`
          UPDATE erasure SET task = ${Erasure.TASKS.indexOf(task)}, place = ${place} WHERE subject = ${subject}`
      }),

      /** From now on only that there was somebody is known. */
      dropName: Effect.fnUntraced(function* (subject: string) {
        yield* Transaction
        yield* sql`
          UPDATE erasure SET athlete_id = NULL, place = NULL, announced_partition = NULL, announced_offset = NULL
          WHERE subject = ${subject}`
      }),

      /** Those of whom only traces on the disk can be left. */
      namelessSubjects: Effect.fnUntraced(function* () {
        const rows = yield* sql<{ readonly subject: string }>`
          SELECT subject FROM erasure WHERE athlete_id IS NULL AND completed_at_ms IS NULL`
        return rows.map(({ subject }) => subject)
      }),

      complete: Effect.fnUntraced(function* (subjects: ReadonlyArray<string>, completedAtMs: number) {
        yield* Transaction
        yield* sql`UPDATE erasure SET completed_at_ms = ${completedAtMs} WHERE ${sql.in("subject", subjects)}`
      }),
    }
  }),
}) {}

/** The port through which other contexts ask whether somebody was erased. */
export const erasedAthletes = Layer.effect(
  ErasedAthletes,
  Effect.map(ErasureRepository, (repository) =>
    ErasedAthletes.of({
      has: (athleteId) => Effect.map(repository.find(athleteId), (erasure) => erasure !== null).pipe(orUnavailable),
    }),
  ),
).pipe(Layer.provide(ErasureRepository.Default))
