/** Devices in SQL: bridges, pairings, marks, chunks, quarantine and gaps. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import type { AthleteId, DeviceGap, DeviceId, DeviceStatus, Pairing, QuarantinedChunk } from "@paceline/core/contract"
import { Effect } from "effect"
import { manyRows } from "./ManyRows.ts"
import type { Chunk, Gap, Intake } from "./Model.ts"

/** What some chunks add to a device's counters. */
export interface Received {
  readonly chunks: number
  readonly samples: number
  readonly quarantined: number
  readonly redeliveriesSuppressed: number
}

export type PairingRow = Omit<Pairing, "source"> & { readonly source: NonNullable<Pairing["source"]> | null }

export const pairingOf = ({ athleteId, classId, sensor, source }: PairingRow): Pairing => ({
  sensor,
  athleteId,
  classId,
  ...(source === null ? {} : { source }),
})

/** How a device and one of its incarnations stand. */
interface Standing {
  readonly deviceId: DeviceId
  /** The newest of the device's pairings. */
  readonly pairings: number
  readonly incarnation: string
  /** The greatest number received of it; null before the first. */
  readonly mark: number | null
}

export type NewChunk = Intake["store"][number] & { readonly deviceId: DeviceId; readonly pairings: number }

/** What there is to write of a device at the end of a unit. */
interface Changed {
  readonly marks: ReadonlyMap<string, number>
  readonly received: Received
}

type Device = Omit<DeviceStatus, "sensors" | "connected">

export class DeviceRepository extends Effect.Service<DeviceRepository>()("paceline/devices/DeviceRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const insertChunks = manyRows(
      sql,
      12,
      `INSERT INTO chunk (device_id, incarnation, n, crc, samples, received_at_ms, payload, pairings, boot, wall_ms,
         monotonic_ms, clock)`,
    )
    const saveMarks = manyRows(
      sql,
      3,
      "INSERT INTO stream (device_id, incarnation, mark)",
      "ON CONFLICT (device_id, incarnation) DO UPDATE SET mark = excluded.mark",
    )
    const pairingColumns = sql.literal(`sensor, athlete_id AS "athleteId", class_id AS "classId", source`)
    return {
      insert: Effect.fnUntraced(function* (deviceId: DeviceId, name: string) {
        yield* Transaction
        yield* sql`INSERT INTO device (device_id, name) VALUES (${deviceId}, ${name})`
      }),

      exists: Effect.fnUntraced(function* (deviceId: DeviceId) {
        return (yield* sql`SELECT 1 FROM device WHERE device_id = ${deviceId}`).length > 0
      }),

      list: Effect.fnUntraced(function* () {
        return yield* sql<Device>`
          SELECT device_id AS "deviceId", name, chunks, samples, quarantined,
                 redeliveries_suppressed AS "redeliveriesSuppressed", missing_chunks AS "missingChunks",
                 last_chunk_at_ms AS "lastChunkAtMs"
          FROM device ORDER BY name, device_id`
      }),

      pairings: Effect.fnUntraced(function* (deviceId: DeviceId) {
        const rows = yield* sql<PairingRow>`
          SELECT ${pairingColumns} FROM pairing WHERE device_id = ${deviceId} ORDER BY sensor`
        return rows.map(pairingOf)
      }),

      allPairings: Effect.fnUntraced(function* () {
        const rows = yield* sql<PairingRow & { readonly deviceId: DeviceId }>`
          SELECT device_id AS "deviceId", ${pairingColumns} FROM pairing ORDER BY sensor`
        return rows.map((row) => ({ deviceId: row.deviceId, pairing: pairingOf(row) }))
      }),

      savePairing: Effect.fnUntraced(function* (deviceId: DeviceId, pairing: Pairing) {
        yield* Transaction
        yield* sql`
          INSERT INTO pairing (device_id, sensor, athlete_id, class_id, source)
          VALUES (${deviceId}, ${pairing.sensor}, ${pairing.athleteId}, ${pairing.classId}, ${pairing.source ?? null})
          ON CONFLICT (device_id, sensor) DO UPDATE
          SET athlete_id = excluded.athlete_id, class_id = excluded.class_id, source = excluded.source`
        // Chunks that came before stay those of who wore it then.
        yield* sql`UPDATE device SET pairings = pairings + 1 WHERE device_id = ${deviceId}`
        yield* sql`
          INSERT INTO worn (device_id, sensor, since, athlete_id)
          SELECT device_id, ${pairing.sensor}, pairings, ${pairing.athleteId}
          FROM device WHERE device_id = ${deviceId}`
      }),

      /** Nobody wears what the athlete wore. Answers the devices that it was on. */
      unpairAthlete: Effect.fnUntraced(function* (athleteId: AthleteId) {
        yield* Transaction
        const gone = yield* sql<{ readonly deviceId: DeviceId; readonly sensor: string }>`
          DELETE FROM pairing WHERE athlete_id = ${athleteId} RETURNING device_id AS "deviceId", sensor`
        for (const { deviceId, sensor } of gone) {
          yield* sql`UPDATE device SET pairings = pairings + 1 WHERE device_id = ${deviceId}`
          yield* sql`
            INSERT INTO worn (device_id, sensor, since, athlete_id)
            SELECT device_id, ${sensor}, pairings, ${""} FROM device WHERE device_id = ${deviceId}`
        }
        return Array.from(new Set(gone.map(({ deviceId }) => deviceId)))
      }),

      /** The greatest number received of an incarnation; 0 before the first. */
      mark: Effect.fnUntraced(function* (deviceId: DeviceId, incarnation: string) {
        const [row] = yield* sql<{ readonly mark: number }>`
          SELECT mark FROM stream WHERE device_id = ${deviceId} AND incarnation = ${incarnation}`
        return row?.mark ?? 0
      }),

      saveMark: Effect.fnUntraced(function* (deviceId: DeviceId, incarnation: string, mark: number) {
        yield* Transaction
        yield* sql`
          INSERT INTO stream (device_id, incarnation, mark) VALUES (${deviceId}, ${incarnation}, ${mark})
          ON CONFLICT (device_id, incarnation) DO UPDATE SET mark = excluded.mark`
      }),

      /** Who wears the sensors of these devices. */
      pairingsOf: Effect.fnUntraced(function* (deviceIds: ReadonlyArray<DeviceId>) {
        const rows = yield* sql<PairingRow & { readonly deviceId: DeviceId }>`
          SELECT device_id AS "deviceId", ${pairingColumns} FROM pairing
          WHERE device_id IN (SELECT value FROM json_each(${JSON.stringify(deviceIds)}))`
        return rows.map((row) => ({ deviceId: row.deviceId, pairing: pairingOf(row) }))
      }),

      /** How these devices and incarnations stand. */
      standings: Effect.fnUntraced(function* (streams: ReadonlyArray<readonly [DeviceId, incarnation: string]>) {
        return yield* sql<Standing>`
          SELECT d.device_id AS "deviceId", d.pairings, asked.value ->> 1 AS incarnation, s.mark
          FROM json_each(${JSON.stringify(streams)}) AS asked
          JOIN device d ON d.device_id = asked.value ->> 0
          LEFT JOIN stream s ON s.device_id = d.device_id AND s.incarnation = asked.value ->> 1`
      }),

      saveMarks: Effect.fnUntraced(function* (devices: ReadonlyMap<DeviceId, Changed>) {
        yield* Transaction
        const values: Array<string | number> = []
        for (const [deviceId, { marks }] of devices) {
          for (const [incarnation, mark] of marks) values.push(deviceId, incarnation, mark)
        }
        yield* saveMarks(values)
      }),

      /** Stores chunks that are new. */
      insertChunks: Effect.fnUntraced(function* (chunks: ReadonlyArray<NewChunk>, receivedAtMs: number) {
        yield* Transaction
        const values: Array<string | number | Uint8Array | null> = []
        for (const { chunk, clock, deviceId, pairings, samples } of chunks) {
          const { boot = null, monotonicMs = null, wallMs = null } = chunk.clock ?? {}
          values.push(deviceId, chunk.incarnation, chunk.n, chunk.crc, samples, receivedAtMs, chunk.payload, pairings)
          values.push(boot, wallMs, monotonicMs, clock)
        }
        yield* insertChunks(values)
      }),

      /** Whether exactly this chunk was received before, stored or set aside. */
      wasReceived: Effect.fnUntraced(function* (deviceId: DeviceId, chunk: Chunk) {
        const found = yield* sql`
          SELECT 1 FROM chunk
          WHERE device_id = ${deviceId} AND incarnation = ${chunk.incarnation} AND n = ${chunk.n}
            AND crc = ${chunk.crc}
          UNION ALL
          SELECT 1 FROM quarantine
          WHERE device_id = ${deviceId} AND incarnation = ${chunk.incarnation} AND n = ${chunk.n}
            AND crc = ${chunk.crc} AND (payload = ${chunk.payload} OR length(payload) = 0)`
        return found.length > 0
      }),

      setAside: Effect.fnUntraced(function* (deviceId: DeviceId, chunk: Chunk, reason: string, receivedAtMs: number) {
        yield* Transaction
        yield* sql`
          INSERT INTO quarantine (device_id, incarnation, n, crc, reason, received_at_ms, payload, pairings)
          VALUES (${deviceId}, ${chunk.incarnation}, ${chunk.n}, ${chunk.crc}, ${reason}, ${receivedAtMs},
                  ${chunk.payload}, (SELECT pairings FROM device WHERE device_id = ${deviceId}))`
      }),

      quarantined: Effect.fnUntraced(function* (deviceId: DeviceId, limit: number) {
        return yield* sql<typeof QuarantinedChunk.Type>`
          SELECT incarnation, n, reason, received_at_ms AS "receivedAtMs", length(payload) AS bytes
          FROM quarantine WHERE device_id = ${deviceId} ORDER BY id DESC LIMIT ${limit}`
      }),

      /**
       * Declares what a bridge said is missing, from the first number that was not received. When it says the same again
       * and more, what is there already grows.
       */
      saveGap: Effect.fnUntraced(function* (
        deviceId: DeviceId,
        { first, fromMillis, incarnation, last, reason, samples, toMillis }: Gap,
        from: number,
        declaredAtMs: number,
      ) {
        yield* Transaction
        const grown = yield* sql`
          UPDATE gap SET last_missing = ${last}, samples = ${samples}, from_ms = ${fromMillis}, to_ms = ${toMillis},
                         reason = ${reason}, declared_at_ms = ${declaredAtMs}
          WHERE device_id = ${deviceId} AND incarnation = ${incarnation} AND last_missing = ${from - 1}
            AND declared_first = ${first}
          RETURNING id`
        if (grown.length === 0) {
          yield* sql`
            INSERT INTO gap (device_id, incarnation, first_missing, last_missing, declared_at_ms, declared_first,
                             samples, from_ms, to_ms, reason)
            VALUES (${deviceId}, ${incarnation}, ${from}, ${last}, ${declaredAtMs}, ${first},
                    ${samples}, ${fromMillis}, ${toMillis}, ${reason})`
        }
        yield* sql`
          UPDATE device SET missing_chunks = missing_chunks + ${last - from + 1} WHERE device_id = ${deviceId}`
      }),

      /** What is missing, the newest declared first. */
      gaps: Effect.fnUntraced(function* (deviceId: DeviceId, limit: number) {
        return yield* sql<typeof DeviceGap.Type>`
          SELECT incarnation, first_missing AS "first", last_missing AS "last", samples, from_ms AS "fromMs",
                 to_ms AS "toMs", reason, declared_at_ms AS "receivedAtMs"
          FROM gap WHERE device_id = ${deviceId} ORDER BY id DESC LIMIT ${limit}`
      }),

      count: Effect.fnUntraced(function* (devices: ReadonlyMap<DeviceId, Changed>, receivedAtMs: number) {
        yield* Transaction
        const rows = Array.from(devices, ([deviceId, { received }]) => [
          deviceId,
          received.chunks,
          received.samples,
          received.quarantined,
          received.redeliveriesSuppressed,
        ])
        yield* sql`
          UPDATE device
          SET chunks = chunks + (value ->> 1), samples = samples + (value ->> 2),
              quarantined = quarantined + (value ->> 3),
              redeliveries_suppressed = redeliveries_suppressed + (value ->> 4),
              last_chunk_at_ms = ${receivedAtMs}
          FROM json_each(${JSON.stringify(rows)}) WHERE device_id = value ->> 0`
      }),

      declareGap: Effect.fnUntraced(function* (
        deviceId: DeviceId,
        incarnation: string,
        first: number,
        last: number,
        declaredAtMs: number,
      ) {
        yield* Transaction
        yield* sql`
          INSERT INTO gap (device_id, incarnation, first_missing, last_missing, declared_at_ms)
          VALUES (${deviceId}, ${incarnation}, ${first}, ${last}, ${declaredAtMs})`
        yield* sql`
          UPDATE device SET missing_chunks = missing_chunks + ${last - first + 1} WHERE device_id = ${deviceId}`
      }),
    }
  }),
}) {}
