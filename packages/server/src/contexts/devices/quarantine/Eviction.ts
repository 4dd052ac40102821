/**
 * Bounds the quarantine, so that a bridge which sends what nobody can read does not fill the disk.
 *
 * Of each bridge the newest chunks are kept, for so long and so many bytes. What goes is declared missing, as a gap of the
 * reason `unreadable` (`conflicting` for bytes that came under a number which others had), and counted: it leaves
 * `quarantined` for `missingChunks`. Chunks that a newer version could have read are among them, which is why the bounds
 * are wide.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import type { DeviceId } from "@paceline/core/contract"
import { Clock, Context, Effect } from "effect"

/** How much is kept. */
export class QuarantineBounds extends Context.Reference<QuarantineBounds>()(
  "paceline/devices/quarantine/QuarantineBounds",
  {
    defaultValue: () => ({
      /** A chunk goes so long after it came, milliseconds. */
      keepMillis: 90 * 86_400_000,
      /** So many bytes of one bridge, at most. */
      bytesOfADevice: 64 * 2 ** 20,
    }),
  },
) {}

/** A row has its identity and its reason beside its bytes. */
const ROW_BYTES = 256

/** So many go in one unit of work. */
const PAGE = 500

interface Evicted {
  readonly id: number
  readonly deviceId: DeviceId
  readonly incarnation: string
  readonly n: number
  readonly reason: "unreadable" | "conflicting"
}

interface Span extends Omit<Evicted, "id" | "n"> {
  readonly first: number
  last: number
}

/** Neighbours of one reason are one gap. They come in the order of their identities. */
const spansOf = (evicted: ReadonlyArray<Evicted>): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  for (const { deviceId, incarnation, n, reason } of evicted) {
    const span = spans.at(-1)
    const isNext =
      span?.deviceId === deviceId && span.incarnation === incarnation && span.reason === reason && n - span.last <= 1
    if (span !== undefined && isNext) span.last = n
    else spans.push({ deviceId, incarnation, reason, first: n, last: n })
  }
  return spans
}

export class QuarantineEviction extends Effect.Service<QuarantineEviction>()(
  "paceline/devices/quarantine/QuarantineEviction",
  {
    effect: Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { bytesOfADevice, keepMillis } = yield* QuarantineBounds

      const beyond = (nowMs: number) => sql<Evicted>`
        SELECT id, device_id AS "deviceId", incarnation, n,
               CASE WHEN reason LIKE 'identity-conflict:%' THEN 'conflicting' ELSE 'unreadable' END AS reason
        FROM (
          SELECT id, device_id, incarnation, n, reason, received_at_ms,
                 sum(length(payload) + ${ROW_BYTES}) OVER (PARTITION BY device_id ORDER BY id DESC) AS held
          FROM quarantine)
        WHERE held > ${bytesOfADevice} OR received_at_ms < ${nowMs - keepMillis}
        ORDER BY device_id, incarnation, n, id LIMIT ${PAGE}`

      const declare = ({ deviceId, first, incarnation, last, reason }: Span, nowMs: number) => sql`
        INSERT INTO gap (device_id, incarnation, first_missing, last_missing, declared_at_ms, declared_first, reason)
        VALUES (${deviceId}, ${incarnation}, ${first}, ${last}, ${nowMs}, ${first}, ${reason})`

      return {
        /** Lets one page go, inside the caller's unit of work. Answers how many chunks there were in it. */
        step: Effect.fn("QuarantineEviction.step")(function* () {
          yield* Transaction
          const nowMs = yield* Clock.currentTimeMillis
          const evicted = yield* beyond(nowMs)
          if (evicted.length === 0) return 0
          yield* sql`
            DELETE FROM quarantine WHERE ${sql.in(
              "id",
              evicted.map(({ id }) => id),
            )}`
          for (const span of spansOf(evicted)) yield* declare(span, nowMs)
          for (const [deviceId, { length }] of Map.groupBy(evicted, (one) => one.deviceId)) {
            yield* sql`
              UPDATE device SET quarantined = quarantined - ${length}, missing_chunks = missing_chunks + ${length}
              WHERE device_id = ${deviceId}`
          }
          return evicted.length
        }),
      }
    }),
  },
) {}
