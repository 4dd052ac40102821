import { expect, layer } from "@effect/vitest"
import type { Bundle } from "@paceline/core/wire"
import { Effect } from "effect"
import { describe } from "vitest"
import { block, chunk, greet, seconds } from "./Bridge.ts"
import { deliver, every, HOUR, read, T0, untilListed, url } from "./SeriesReading.ts"
import { type Answer, eventually, TestServer } from "./TestServer.ts"

const custom = (sensor: string, samples: ReadonlyArray<readonly [number, number]>): Bundle.Block => ({
  sensor,
  kind: "custom",
  name: "skinTemperature",
  unit: "°C",
  atMillis: samples.map(([at]) => at),
  values: samples.map(([, value]) => value),
})

layer(TestServer.layer, { excludeTestServices: true })("GET /v1/athletes/…/series", (it) => {
  it.scoped("lists what there is of an athlete, with units, sources, counts and times", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const anna = yield* server.addAthlete({ alias: "Anna" })
      const bo = yield* server.addAthlete({ alias: "Bo" })
      const device = yield* server.addDevice({
        "strap-01": anna.athleteId,
        "watch-01": anna.athleteId,
        other: bo.athleteId,
      })
      yield* deliver(device, "run-1", [
        block("heartRate", every(T0, [100, 101, 102]), "strap-01"),
        block("heartRate", every(T0, [99]), "watch-01"),
        custom("watch-01", every(T0 + 5_000, [31.5, 31.75])),
        block("power", every(T0, [250]), "other"),
        block("power", every(T0, [250]), "of nobody"),
      ])
      const { body } = yield* untilListed(anna.athleteId, 6)
      const at = { deviceId: device.deviceId, deviceName: "Studio" }
      expect(body).toEqual({
        _tag: "List",
        athleteId: anna.athleteId,
        computing: false,
        series: [
          {
            kind: "custom:skinTemperature",
            unit: "°C",
            samples: 2,
            firstAtMs: T0 + 5_000,
            lastAtMs: T0 + 6_000,
            sources: [
              {
                ...at,
                sensor: "watch-01",
                source: "watch",
                unit: "°C",
                samples: 2,
                firstAtMs: T0 + 5_000,
                lastAtMs: T0 + 6_000,
              },
            ],
          },
          {
            kind: "heartRate",
            unit: "bpm",
            samples: 4,
            firstAtMs: T0,
            lastAtMs: T0 + 2_000,
            sources: [
              {
                ...at,
                sensor: "strap-01",
                source: "strap",
                unit: "bpm",
                samples: 3,
                firstAtMs: T0,
                lastAtMs: T0 + 2_000,
              },
              { ...at, sensor: "watch-01", source: "watch", unit: "bpm", samples: 1, firstAtMs: T0, lastAtMs: T0 },
            ],
          },
        ],
      })
    }),
  )

  it.scoped(
    "answers by the second, the minute, five minutes and the hour, on UTC's grid, also over an import of old",
    () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
        const device = yield* server.addDevice({ "strap-01": athleteId })
        const longAgo = T0 - 200 * 24 * HOUR
        yield* deliver(
          device,
          "run-1",
          [
            block(
              "heartRate",
              seconds(0, 90, 120).map(([at, value]) => [T0 + at, value + ((at / 1000) % 2)] as const),
            ),
          ],
          [block("heartRate", every(T0 + HOUR, [90, 92])), block("steps", every(T0, [10, 14, 20]))],
        )
        yield* deliver(device, "import", [block("heartRate", every(longAgo, [60, 62]))])
        yield* untilListed(athleteId, 97)
        const ask = (resolution: string, from: number, to: number) =>
          Effect.map(read(url(athleteId, { kind: "heartRate", resolution, from, to })), ({ body }) => body)

        const minutes = yield* ask("1min", T0 + 30_000, T0 + 61_000)
        expect(minutes).toMatchObject({ _tag: "Buckets", fromMs: T0, toMs: T0 + 120_000 })
        expect(minutes.series).toEqual([
          {
            source: 0,
            unit: "bpm",
            atMs: [T0, T0 + 60_000],
            samples: [60, 30],
            min: [120, 120],
            max: [121, 121],
            mean: [120.5, 120.5],
          },
        ])
        expect((yield* ask("5min", T0, T0 + 1)).series[0]).toMatchObject({ atMs: [T0], samples: [90] })
        const hours = yield* ask("1h", longAgo, T0 + 2 * HOUR)
        expect(hours.series[0]).toMatchObject({
          atMs: [longAgo, T0, T0 + HOUR],
          samples: [2, 90, 2],
          mean: [61, 120.5, 91],
        })
        const seconds_ = yield* ask("1s", T0 + 88_000, T0 + HOUR + 1_000)
        expect(seconds_.series[0]).toMatchObject({
          atMs: [T0 + 88_000, T0 + 89_000, T0 + HOUR],
          samples: [1, 1, 1],
          mean: [120, 121, 90],
        })
        const steps = yield* read(url(athleteId, { kind: "steps", from: T0, to: T0 + 60_000 }))
        expect(steps.body.series).toEqual([
          { source: 0, unit: "steps", atMs: [T0], samples: [3], min: [10], max: [20], last: [20], increase: [10] },
        ])
      }),
  )

  it.scoped("gives each sample with where it came from, and what is missing between", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      const device = yield* server.addDevice({ "strap-01": athleteId })
      const now = Date.now()
      const { bridge } = yield* greet(device)
      bridge.say(chunk(1, [block("heartRate", every(T0, [100, Number.NaN, 102]))], "run-9"))
      bridge.say({
        _tag: "Gap",
        incarnation: "run-9",
        first: 2,
        last: 4,
        samples: 15,
        fromMillis: T0 + 3_000,
        toMillis: T0 + 18_000,
        reason: "evicted",
      })
      bridge.say(chunk(5, [block("heartRate", every(now - 1_000, [110]))], "run-9"))
      yield* eventually(bridge.next, (frame) => frame._tag === "Ack" && frame.n === 5)
      yield* untilListed(athleteId, 3)

      const { body } = yield* read(url(athleteId, { kind: "heartRate", resolution: "raw", from: T0, to: now + 1 }))
      const sent = { source: 0, incarnation: "run-9", receivedAtMs: expect.any(Number), codec: 2, clock: "unknown" }
      expect(body.runs).toEqual([
        { ...sent, n: 1, arrival: "back-filled", atMs: [T0, T0 + 1_000, T0 + 2_000], values: [100, null, 102] },
        { ...sent, n: 5, arrival: "live", atMs: [now - 1_000], values: [110] },
      ])
      expect(body.sources).toEqual([
        { deviceId: device.deviceId, deviceName: "Studio", sensor: "strap-01", source: "strap", unit: "bpm" },
      ])
      expect(body.gaps).toMatchObject([
        {
          incarnation: "run-9",
          first: 2,
          last: 4,
          samples: 15,
          fromMs: T0 + 3_000,
          toMs: T0 + 18_000,
          reason: "evicted",
        },
      ])
      const before = yield* read(url(athleteId, { kind: "heartRate", resolution: "raw", from: T0, to: T0 + 3_000 }))
      expect(before.body.gaps).toEqual([])
    }),
  )

  it.scoped("gives raw samples page by page, each once, while others arrive", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      const device = yield* server.addDevice({ "strap-01": athleteId, watch: athleteId })
      const chunks = Array.from({ length: 12 }, (_, i) => [
        block(
          "heartRate",
          every(
            T0 + i * 7_000,
            Array.from({ length: 7 }, (_, j) => 100 + j),
          ),
          "strap-01",
        ),
        block("heartRate", every(T0 + i * 7_000, [90, 91, 92]), "watch"),
      ])
      yield* deliver(device, "run-1", ...chunks)
      yield* untilListed(athleteId, 120)
      const given: Array<string> = []
      let after: string | null = ""
      let pages = 0
      while (after !== null) {
        const query = { kind: "heartRate", resolution: "raw", from: T0, to: T0 + HOUR, limit: 11 }
        const { body }: Answer = yield* read(url(athleteId, after === "" ? query : { ...query, after }))
        expect(body.runs.flatMap((run: { atMs: Array<number> }) => run.atMs).length).toBeLessThanOrEqual(11)
        for (const { source, n, atMs } of body.runs) for (const at of atMs) given.push(`${source}/${n}/${at}`)
        if (++pages === 3) {
          // What belongs before the place that was reached moves nothing.
          yield* deliver(device, "late", [block("heartRate", every(T0 + 500, [80, 80]), "watch")])
          yield* untilListed(athleteId, 122)
        }
        after = body.next
      }
      expect(new Set(given).size).toBe(given.length)
      expect(given.length).toBe(120)
    }),
  )

  describe("who may read", () => {
    it.scoped("is the athlete, and the admin but for the heart that is hidden", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const anna = yield* server.addAthlete({ alias: "Anna", heartRateVisible: false })
        const bo = yield* server.addAthlete({ alias: "Bo" })
        const device = yield* server.addDevice({ "strap-01": anna.athleteId })
        yield* deliver(device, "run-1", [
          block("heartRate", every(T0, [100])),
          block("rrInterval", every(T0, [0.6])),
          block("power", every(T0, [250])),
        ])
        yield* untilListed(anna.athleteId, 3, anna.key)
        const heart = url(anna.athleteId, { kind: "heartRate", from: T0, to: T0 + 60_000 })
        const beats = url(anna.athleteId, { kind: "rrInterval", resolution: "raw", from: T0, to: T0 + 60_000 })
        const power = url(anna.athleteId, { kind: "power", from: T0, to: T0 + 60_000 })
        for (const path of [heart, beats, power]) {
          expect((yield* read(path, anna.key)).status).toBe(200)
          expect((yield* read(path, bo.key)).status).toBe(403)
          expect((yield* read(path, device.key)).status).toBe(403)
          expect((yield* read(path, null)).status).toBe(401)
        }
        expect((yield* read(heart)).status).toBe(403)
        expect((yield* read(beats)).status).toBe(403)
        expect((yield* read(power)).status).toBe(200)
        const listed = yield* read(`/v1/athletes/${anna.athleteId}/series`)
        expect(listed.body.series.map(({ kind }: { kind: string }) => kind)).toEqual(["power"])
      }),
    )
  })

  describe("what cannot be meant", () => {
    it.scoped("is refused in words that say what to ask for", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
        const message = (query: Readonly<Record<string, string | number>>) =>
          Effect.map(
            read(url(athleteId, { kind: "power", ...query })),
            ({ body, status }) => `${status} ${body.message}`,
          )
        expect(yield* message({ resolution: "1s", from: T0, to: T0 + 24 * HOUR })).toBe(
          "400 This range has up to 86400 buckets of 1s, and an answer at most 20000. Ask with resolution=1min, or for less time.",
        )
        expect(yield* message({ resolution: "1h", from: 0, to: T0 })).toMatch(/^400 .* Ask for less time\.$/)
        expect(yield* message({ from: T0, to: T0 })).toMatch(/^400 The range is empty/)
        expect(yield* message({ resolution: "raw", after: "nonsense" })).toMatch(/^400 `after` is not/)
        expect(yield* message({ resolution: "1min", limit: 3 })).toMatch(/^400 `limit` and `after` are for raw/)
        expect(yield* message({ from: "yesterday" })).toMatch(/^400 .*is no time/)
        expect((yield* read(url("nobody", { kind: "power" }))).status).toBe(404)
        const iso = yield* read(
          url(athleteId, { kind: "power", from: "2026-09-20T18:00", to: "2026-09-20T20:00:00+01:00" }),
        )
        expect(iso.body).toMatchObject({ fromMs: T0, toMs: T0 + HOUR, series: [] })
      }),
    )
  })

  it.scoped("comes to the same when all that was computed is thrown away and computed again", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      const device = yield* server.addDevice({ "strap-01": athleteId })
      for (const incarnation of ["b", "a"]) {
        yield* deliver(
          device,
          incarnation,
          ...Array.from({ length: 130 }, (_, i) => [block("heartRate", every(T0 + i * 60_000, [100 + i, 101 + i]))]),
        )
      }
      yield* untilListed(athleteId, 520)
      const path = url(athleteId, { kind: "heartRate", resolution: "5min", from: T0, to: T0 + 3 * HOUR })
      const before = yield* read(path)
      const rebuilt = yield* server.request("POST", "/v1/operations/series/rebuild")
      expect(rebuilt.status).toBe(202)
      const after = yield* eventually(read(path), ({ body }) => !body.computing)
      expect(after).toEqual(before)
      const refused = yield* server.request("POST", "/v1/operations/series/rebuild", undefined, device.key)
      expect(refused.status).toBe(403)
    }),
  )
})
