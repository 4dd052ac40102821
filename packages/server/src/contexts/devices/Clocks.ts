/**
 * How far a bridge's clock is believed, for whoever makes or runs the bridge.
 *
 * Each chunk is stored with what its bridge's clocks said, and with the label that was made of it (`ClockQuality`). Of each
 * incarnation the newest stored chunk speaks. Labels are for people: no sample is dropped, moved or ordered by them.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { type DeviceClock, type DeviceId, NotFound, orUnavailable, requireAdmin } from "@paceline/core/contract"
import { Effect } from "effect"

/** So many incarnations are listed. */
const LISTED = 100

export class Clocks extends Effect.Service<Clocks>()("paceline/devices/Clocks", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return {
      /** The newest first. */
      list: Effect.fn("Clocks.list")(
        function* (deviceId: DeviceId) {
          const known = yield* sql`SELECT 1 FROM device WHERE device_id = ${deviceId}`
          if (known.length === 0) return yield* NotFound.of("device", deviceId)
          return yield* sql<typeof DeviceClock.Type>`
            SELECT c.incarnation, c.n, c.clock, c.boot, c.wall_ms AS "wallMs", c.monotonic_ms AS "monotonicMs",
                   c.received_at_ms AS "receivedAtMs"
            FROM stream s JOIN chunk c ON c.device_id = s.device_id AND c.incarnation = s.incarnation AND c.n = (
              SELECT max(n) FROM chunk WHERE device_id = s.device_id AND incarnation = s.incarnation)
            WHERE s.device_id = ${deviceId}
            ORDER BY c.received_at_ms DESC, c.incarnation LIMIT ${LISTED}`
        },
        orUnavailable,
        requireAdmin,
      ),
    }
  }),
}) {}
