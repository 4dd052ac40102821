/**
 * Chunks that were set aside because this server was too old to read them become readable with a newer version.
 *
 * A newer bridge may write a codec version, or a kind of sensor, that a server does not know yet: the chunk's bytes are
 * kept whole. When the server starts, all of those are tried again; one that can be read now is stored under its own
 * identity, as worn when it came, and told of in the log like any other: series and training hear of it. A chunk whose
 * bytes are damaged, or whose number came with other bytes, stays where it is.
 *
 * Training gets its heart rates where the same athlete still wears the sensor, for only then their class is known. They
 * come before anything newer of the bridge, because this happens before the doors open. What was counted around them
 * meanwhile stays as it is: they are a recording of their own, which is merged with that one, and fills its gap.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import { type ChunksStored, type DeviceId, type Pairing, Topics } from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import * as Intake from "../Model.ts"
import { type PairingRow, pairingOf } from "../Repository.ts"

interface SetAside {
  readonly id: number
  readonly deviceId: DeviceId
  readonly incarnation: string
  readonly n: number
  readonly crc: number
  readonly payload: Uint8Array
  readonly receivedAtMs: number
  /** The newest of the device's pairings when it came. */
  readonly pairings: number
}

/** So many are tried in one unit of work. */
const PAGE = 100

export interface Step {
  /** How many can be read now. */
  readonly readable: number
  /** The last one that was looked at; null when there are no more. */
  readonly last: number | null
}

/** What a chunk comes to, as it would have when it came; null when it cannot be read. */
const read = ({ crc, deviceId, incarnation, n, payload, receivedAtMs }: SetAside, pairings: Intake.Pairings) => {
  const origin = { deviceId, pairings, marks: new Map([[incarnation, n - 1]]), hello: null, nowMs: receivedAtMs }
  const { events, store } = Intake.plan(origin, [{ _tag: "Chunk", incarnation, n, crc, payload }])
  const [stored] = store
  return stored === undefined ? null : { events, samples: stored.samples }
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
        SELECT q.id, q.device_id AS "deviceId", q.incarnation, q.n, q.crc, q.payload,
               q.received_at_ms AS "receivedAtMs", coalesce(q.pairings, d.pairings) AS pairings
        FROM quarantine q JOIN device d ON d.device_id = q.device_id
        WHERE q.id > ${id} AND (q.reason LIKE 'unknown-version:%' OR q.reason LIKE 'malformed:%')
        ORDER BY q.id LIMIT ${PAGE}`

      /** Who wore the device's sensors then, of those who wear them still. */
      const worn = (deviceId: DeviceId, pairings: number) =>
        Effect.map(
          sql<PairingRow>`
            SELECT p.sensor, p.athlete_id AS "athleteId", p.class_id AS "classId", p.source
            FROM pairing p JOIN worn w ON w.device_id = p.device_id AND w.sensor = p.sensor AND w.athlete_id = p.athlete_id
            WHERE p.device_id = ${deviceId} AND w.since = (
              SELECT max(since) FROM worn
              WHERE device_id = p.device_id AND sensor = p.sensor AND since <= ${pairings})`,
          (rows) => Intake.pairingsOf(rows.map((row): Pairing => pairingOf(row))),
        )

      /** Stores one among the chunks; false when its number is taken. */
      const store = Effect.fnUntraced(function* (
        { crc, deviceId, id, incarnation, n, pairings, payload, receivedAtMs }: SetAside,
        samples: number,
      ) {
        const stored = yield* sql`
        INSERT INTO chunk (device_id, incarnation, n, crc, samples, received_at_ms, payload, pairings)
        VALUES (${deviceId}, ${incarnation}, ${n}, ${crc}, ${samples}, ${receivedAtMs}, ${payload}, ${pairings})
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
          const stored: Array<EventLog.NewEvent<typeof ChunksStored.Encoded>> = []
          const recorded: Array<EventLog.NewEvent<Intake.Recorded>> = []
          const wearers = new Map<string, Intake.Pairings>()
          for (const chunk of tried) {
            const { deviceId, incarnation, n, pairings } = chunk
            const key = `${deviceId}/${pairings}`
            const wearing = wearers.get(key) ?? (yield* worn(deviceId, pairings))
            wearers.set(key, wearing)
            const found = read(chunk, wearing)
            if (found === null || !(yield* store(chunk, found.samples))) continue
            stored.push({ key: deviceId, event: { _tag: "ChunksStored", deviceId, incarnation, first: n, last: n } })
            for (const event of found.events) recorded.push({ key: event.athleteId, event })
          }
          yield* EventLog.appendEncoded(Topics.telemetry, recorded).pipe(Effect.provideService(EventLog.EventLog, log))
          yield* EventLog.appendEncoded(Topics.chunks, stored).pipe(Effect.provideService(EventLog.EventLog, log))
          const step: Step = { readable: stored.length, last: tried.at(-1)?.id ?? null }
          return step
        }),
      }
    }),
  },
) {}
