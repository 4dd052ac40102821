/** The real bridge and the real server, with between them what there is between them in a gym. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, layer } from "@effect/vitest"
import { Bundle } from "@paceline/core/wire"
import { type BridgeOptions, openBridge } from "@paceline/device-bridge"
import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"
import { Effect } from "effect"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { Relay } from "./Relay.ts"
import { eventually, TestServer } from "./TestServer.ts"

/** Everything soon; only what a test is about is made so short that a busy machine could trip. */
const quick = { backoff: { baseMillis: 2, maxMillis: 40, factor: 2 }, heartbeatMillis: 100 }

const open = (options: Pick<BridgeOptions, "url" | "deviceId" | "key"> & Partial<BridgeOptions>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "paceline-delivery-"))
      const path = join(folder, "buffer.sqlite")
      const bridge = openBridge({ path, driver: bunSqlite(), flushMillis: 60_000, limits: quick, ...options })
      return { bridge, folder }
    }),
    ({ bridge, folder }) =>
      Effect.promise(async () => {
        await bridge.close()
        rmSync(folder, { recursive: true, force: true })
      }),
  ).pipe(Effect.map(({ bridge }) => bridge))

/** Makes chunks of one sample each, with the values from `from` to before `to`. */
const append = (bridge: Effect.Effect.Success<ReturnType<typeof open>>, from: number, to: number) =>
  Effect.promise(async () => {
    for (let value = from; value < to; value++) {
      bridge.record("strap-01", "power", 1_700_000_000_000 + value, value)
      await bridge.flush()
    }
  })

const upTo = (count: number): Array<number> => Array.from({ length: count }, (_, value) => value)

/** The values that the server has, in the order of their numbers. */
const stored = (deviceId: string) =>
  Effect.gen(function* () {
    const { sql } = yield* TestServer
    const rows = yield* sql<{ payload: Uint8Array }>`
      SELECT payload FROM chunk WHERE device_id = ${deviceId} ORDER BY received_at_ms, n`
    return rows.flatMap(({ payload }) => {
      const bundle = Bundle.decode(new Uint8Array(payload))
      if ("_tag" in bundle) throw new Error(bundle.detail)
      return bundle.flatMap(({ values }) => values)
    })
  })

const options = { keyCheckMillis: 0, telemetryConcurrency: 1 }

layer(TestServer.layerOn(SqliteStore.layerTest(), options), { excludeTestServices: true })("Delivering", (it) => {
  it.scoped(
    "[bridge 15] goes over HTTP where a proxy refuses WebSockets, and back in the middle of the backlog when it does not",
    () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const device = yield* server.addDevice()
        const relay = yield* Relay.before(server.url)
        relay.refusesUpgrades = true
        const bridge = yield* open({ ...device, url: relay.url, limits: { ...quick, retryWebSocketMillis: 2_000 } })
        yield* append(bridge, 0, 20)
        yield* Effect.promise(() => bridge.drained())
        expect(bridge.status()).toMatchObject({ connected: true, transport: "http", lastProblem: null })
        expect(relay.upgradesRefused).toBeGreaterThanOrEqual(3)
        expect(yield* stored(device.deviceId)).toEqual(upTo(20))
        // With a backlog under way the proxy is taken out.
        relay.refusesUpgrades = false
        for (let from = 20; bridge.status().transport === "http" && from < 2_000; from += 4) {
          yield* append(bridge, from, from + 4)
          yield* Effect.sleep(20)
        }
        yield* Effect.promise(() => bridge.drained())
        expect(bridge.status()).toMatchObject({ connected: true, transport: "websocket" })
        const values = yield* stored(device.deviceId)
        expect(values.length).toBe(bridge.status().recordedSamples)
        expect(values).toEqual(upTo(values.length))
      }),
    30_000,
  )

  it.scoped(
    "[bridge 16] a connection that went deaf is found by its silence, and nothing is lost or doubled by it",
    () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const device = yield* server.addDevice()
        const relay = yield* Relay.before(server.url)
        const bridge = yield* open({ ...device, url: relay.url, limits: { ...quick, deadMillis: 600 } })
        yield* append(bridge, 0, 5)
        yield* Effect.promise(() => bridge.drained())
        relay.goDeaf()
        yield* append(bridge, 5, 15)
        yield* Effect.promise(() => bridge.drained())
        expect(yield* stored(device.deviceId)).toEqual(upTo(15))
      }),
  )

  it.scoped(
    "[bridge 19] a store that stands still is not flooded: the bridge buffers on, and all comes when it works",
    () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const device = yield* server.addDevice()
        const relay = yield* Relay.before(server.url)
        const limits = { ...quick, minBudgetBytes: 8_000_000, maxBudgetBytes: 8_000_000, heartbeatMillis: 5_000 }
        const bridge = yield* open({ ...device, url: relay.url, limits })
        yield* eventually(
          Effect.sync(() => bridge.status()),
          ({ connected }) => connected,
        )
        const chunks = 8
        const noise = (i: number) => Math.sin(i) * 1e300
        yield* server.compartments.telemetry.run(
          Effect.gen(function* () {
            for (let chunk = 0; chunk < chunks; chunk++) {
              for (let i = 0; i < 16_000; i++) bridge.record("s", "power", 1_700_000_000_000 + i, noise(i))
              yield* Effect.promise(() => bridge.flush())
            }
            yield* Effect.sleep(700)
            const { waitingBytes } = bridge.status()
            // What the server grants one bridge, and a frame.
            expect(waitingBytes).toBeGreaterThan(2 * 256 * 1024)
            expect(relay.bytesUp).toBeLessThan(256 * 1024 + waitingBytes / chunks + 10_000)
            expect(bridge.status()).toMatchObject({ connected: true, waitingChunks: chunks, droppedSamples: 0 })
          }),
        )
        yield* Effect.promise(() => bridge.drained())
        expect((yield* stored(device.deviceId)).length).toBe(chunks * 16_000)
      }),
    30_000,
  )

  it.scoped(
    "[bridge 17] a key revoked in the middle of the backlog: it asks for a new one, and goes on where it was",
    () =>
      Effect.gen(function* () {
        const { sql, ...server } = yield* TestServer
        const device = yield* server.addDevice()
        const other = yield* server.addDevice()
        let key = device.key
        let asked = 0
        const events: Array<string> = []
        const bridge = yield* open({
          url: server.url,
          deviceId: device.deviceId,
          key: async () => {
            asked++
            return key
          },
          onEvent: ({ _tag }) => events.push(_tag),
        })
        yield* append(bridge, 0, 5)
        yield* Effect.promise(() => bridge.drained())
        // The other device's key becomes this one's, and its own is worth nothing.
        yield* server.work.run(
          Effect.zipRight(
            sql`DELETE FROM api_key WHERE subject = ${device.deviceId}`,
            sql`UPDATE api_key SET subject = ${device.deviceId} WHERE subject = ${other.deviceId}`,
          ),
        )
        key = other.key
        yield* append(bridge, 5, 60)
        yield* Effect.promise(() => bridge.drained())
        yield* eventually(
          Effect.sync(() => asked),
          (times) => times >= 2,
        )
        yield* append(bridge, 60, 65)
        yield* Effect.promise(() => bridge.drained())
        expect(yield* stored(device.deviceId)).toEqual(upTo(65))
        expect(events).toEqual([])
      }),
  )

  it.scoped(
    "[bridge 31] [bridge 32] keeps with each chunk the clocks of its bridge, which agree with the server's here",
    () =>
      Effect.gen(function* () {
        const { sql, ...server } = yield* TestServer
        const device = yield* server.addDevice()
        const bridge = yield* open({ ...device, url: server.url })
        bridge.record("strap-01", "power", Date.now(), 1)
        yield* Effect.promise(() => bridge.flush())
        bridge.record("strap-01", "power", Date.now() + 365 * 86_400_000, 2)
        yield* Effect.promise(() => bridge.drained())
        const rows = yield* sql`
        SELECT clock, boot IS NOT NULL AS labelled FROM chunk WHERE device_id = ${device.deviceId} ORDER BY n`
        expect(rows).toEqual([
          { clock: "ok", labelled: 1 },
          { clock: "ahead", labelled: 1 },
        ])
      }),
  )

  it.scoped(
    "[bridge 22] says what its cap made it delete, and the server has all the rest and knows what is missing",
    () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const device = yield* server.addDevice()
        const relay = yield* Relay.before(server.url)
        relay.refusesUpgrades = true
        const bridge = yield* open({ ...device, url: relay.url, httpFallback: false, maxBufferBytes: 1024 * 1024 })
        const chunks = 20
        for (let chunk = 0; chunk < chunks; chunk++) {
          for (let i = 0; i < 8_000; i++) {
            bridge.record("s", "power", 1_700_000_000_000 + i, Math.sin(chunk * 8_000 + i) * 1e300)
          }
          yield* Effect.promise(() => bridge.flush())
        }
        relay.refusesUpgrades = false
        yield* Effect.promise(() => bridge.drained())
        const values = yield* stored(device.deviceId)
        const { body: gaps } = yield* server.request("GET", `/v1/devices/${device.deviceId}/gaps`)
        expect(gaps).toMatchObject([{ first: 1, reason: "evicted", fromMs: 1_700_000_000_000 }])
        expect(gaps[0].samples).toBeGreaterThan(0)
        expect(values.length + gaps[0].samples).toBe(chunks * 8_000)
        expect(bridge.status()).toMatchObject({ waitingChunks: 0, lastProblem: null })
      }),
    30_000,
  )
})
