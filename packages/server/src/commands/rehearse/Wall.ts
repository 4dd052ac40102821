/**
 * Somebody who watches the wall during the rehearsal, with the client SDK like any page, and measures how old
 * each new reading is when it arrives.
 */
import { createClient } from "@paceline/client-sdk"
import type { Standing } from "@paceline/core/contract"
import { Effect, type Scope } from "effect"
import { latencyOf } from "./Latency.ts"

export interface Wall {
  readonly state: () => string
  readonly leaderboard: () => ReadonlyArray<Standing>
  /** Tiles that have shown a reading. */
  readonly movedTiles: () => number
  /** Milliseconds from the bridge to here, of every reading that counts. */
  readonly latencies: () => ReadonlyArray<number>
}

export const watch = (options: {
  readonly url: string
  readonly classId: string
  /** Since when bridge and server are connected, milliseconds since the epoch; null while they are not. */
  readonly bridgeSinceMs: () => number | null
}): Effect.Effect<Wall, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const latencies: Array<number> = []
      const newest = new Map<string, number>()
      let state = "connecting"
      let liveSinceMs: number | null = null
      let leaderboard: ReadonlyArray<Standing> = []
      const client = createClient({ url: options.url })
      client.classes(options.classId).watch((view) => {
        const receivedAtMs = Date.now()
        if (view.state !== "live") liveSinceMs = null
        else liveSinceMs ??= receivedAtMs
        state = view.state
        leaderboard = view.leaderboard
        for (const { athleteId, sensedAtMs } of view.tiles) {
          if (sensedAtMs === null || sensedAtMs === newest.get(athleteId)) continue
          newest.set(athleteId, sensedAtMs)
          const bridgeSinceMs = options.bridgeSinceMs()
          const latency = latencyOf({ sensedAtMs, receivedAtMs, bridgeSinceMs, wallSinceMs: liveSinceMs })
          if (latency !== null) latencies.push(latency)
        }
      })
      const wall: Wall = {
        state: () => state,
        leaderboard: () => leaderboard,
        movedTiles: () => newest.size,
        latencies: () => latencies,
      }
      return { client, wall }
    }),
    ({ client }) => Effect.sync(() => client.close()),
  ).pipe(Effect.map(({ wall }) => wall))
