/**
 * Chunks that were set aside because this server was too old to read them become readable with a newer version.
 *
 * A newer bridge may write a codec version, or a kind of sensor, that a server does not know yet: the chunk's bytes are
 * kept whole. When the server starts, all of those are tried again; one that can be read now is stored under its own
 * identity, as worn when it came, and told of in the log like any other. A chunk whose bytes are damaged, or whose
 * number came with other bytes, stays where it is.
 *
 * What had been made of the samples around it by then (sessions, points) stays as it is; its own samples are in the
 * athlete's series.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import { ChunksStored, type DeviceId, Topics } from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Bundle, crc32 } from "@paceline/core/wire"
import { Effect } from "effect"

interface SetAside {
  readonly id: number
  readonly deviceId: DeviceId
  readonly incarnation: string
  readonly n: number
  readonly crc: number
  readonly payload: Uint8Array
}

/** So many are tried in one unit of work. */
const PAGE = 100

export interface Step {
  /** How many can be read now. */
  readonly readable: number
  /** The last one that was looked at; null when there are no more. */
  readonly last: number | null
}

const bundleOf = ({ crc, payload }: SetAside): Bundle.Bundle | null => {
  if (crc32(payload) !== crc) return null
  const bundle = Bundle.decode(payload)
  return "_tag" in bundle ? null : bundle
}

export class QuarantineReplay extends Effect.Service<QuarantineReplay>()(
  "paceline/devices/quarantine/QuarantineReplay",
  {
    effect: Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const log = yield* EventLog.EventLog

      /** Those that could not be read, after this one. */
      const after = (id: number) =>
        sql<SetAside>`
        SELECT id, device_id AS "deviceId", incarnation, n, crc, payload FROM quarantine
        WHERE id > ${id} AND (reason LIKE 'unknown-version:%' OR reason LIKE 'malformed:%')
        ORDER BY id LIMIT ${PAGE}`

      /** Stores one among the chunks; false when its number is taken. */
      const store = Effect.fnUntraced(function* ({ deviceId, id }: SetAside, samples: number) {
        const stored = yield* sql`
        INSERT INTO chunk (device_id, incarnation, n, crc, samples, received_at_ms, payload, pairings)
        SELECT q.device_id, q.incarnation, q.n, q.crc, ${samples}, q.received_at_ms, q.payload,
               coalesce(q.pairings, d.pairings)
        FROM quarantine q JOIN device d ON d.device_id = q.device_id WHERE q.id = ${id}
        ON CONFLICT DO NOTHING RETURNING n`
        if (stored.length === 0) return false
        yield* sql`DELETE FROM quarantine WHERE id = ${id}`
        yield* sql`
        UPDATE device SET chunks = chunks + 1, samples = samples + ${samples}, quarantined = quarantined - 1
        WHERE device_id = ${deviceId}`
        return true
      })

      return {
        /** Tries the next ones after the one with this id, inside the caller's unit of work. */
        step: Effect.fn("QuarantineReplay.step")(function* (from: number) {
          yield* Transaction
          const tried = yield* after(from)
          const events: Array<EventLog.NewEvent<ChunksStored>> = []
          for (const chunk of tried) {
            const bundle = bundleOf(chunk)
            if (bundle === null || !(yield* store(chunk, Bundle.sampleCount(bundle)))) continue
            const { deviceId, incarnation, n } = chunk
            events.push({ key: deviceId, event: new ChunksStored({ deviceId, incarnation, first: n, last: n }) })
          }
          yield* EventLog.append(Topics.chunks, events).pipe(Effect.provideService(EventLog.EventLog, log))
          const step: Step = { readable: events.length, last: tried.at(-1)?.id ?? null }
          return step
        }),
      }
    }),
  },
) {}
