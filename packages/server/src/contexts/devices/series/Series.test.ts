import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteDirectory,
  AthleteId,
  ChunksStored,
  CurrentActor,
  DeviceId,
  type Resolution,
} from "@paceline/core/contract"
import { Bundle, crc32 } from "@paceline/core/wire"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import { describe } from "vitest"
import * as SqliteStore from "../../../adapters/sqlite/SqliteStore.ts"
import { SeriesProjection } from "./Projection.ts"
import { WIDTH_MILLIS } from "./Reading.ts"
import { Series } from "./Service.ts"

const directory = Layer.succeed(
  AthleteDirectory,
  AthleteDirectory.of({ exists: () => Effect.succeed(true), showsHeartRate: () => Effect.succeed(true) }),
)

const layer = Layer.provideMerge(Series.Default, SeriesProjection.Default).pipe(
  Layer.provide(directory),
  Layer.provideMerge(SqliteStore.layerTest()),
  Layer.merge(Layer.succeed(CurrentActor, { _tag: "Admin" })),
)

const HOUR = 3_600_000
const SENSORS = ["strap-01", "watch-01"] as const

/** Mostly in one go from a start, as a sensor measures; sometimes anywhere, as after a clock that jumped. */
const times = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.integer({ min: -HOUR, max: 3 * HOUR }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 90_000 }),
      )
      .map(([start, count, step]) => Array.from({ length: count }, (_, i) => start + i * step)),
  },
  { weight: 1, arbitrary: fc.array(fc.integer({ min: -HOUR, max: 4 * HOUR }), { maxLength: 12 }) },
)
const value = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 220 }) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
)
const block = fc.record({
  sensor: fc.constantFrom(...SENSORS),
  isCustom: fc.boolean(),
  atMillis: times,
  seed: fc.array(value, { minLength: 1, maxLength: 7 }),
})

/** A chunk, and who wears both sensors when it comes. */
const chunk = fc.record({
  blocks: fc.array(block, { maxLength: 3 }),
  wearers: fc.tuple(fc.constantFrom("a", "b", null), fc.constantFrom("a", "b")),
})

const step = fc.oneof(
  fc.record({
    _tag: fc.constant("Told" as const),
    which: fc.nat(),
    first: fc.integer({ min: 1, max: 8 }),
    length: fc.integer({ min: 0, max: 4 }),
  }),
  fc.record({ _tag: fc.constant("Restart" as const) }),
  fc.record({ _tag: fc.constant("Walk" as const) }),
)

interface Sample {
  readonly stream: string
  readonly athlete: string
  readonly at: number
  readonly value: number
}

const blockOf = ({
  atMillis,
  isCustom,
  seed,
  sensor,
}: {
  sensor: string
  isCustom: boolean
  atMillis: ReadonlyArray<number>
  seed: ReadonlyArray<number>
}): Bundle.Block => {
  const values = atMillis.map((_, i) => seed[i % seed.length]!)
  return isCustom
    ? { sensor, kind: "custom", name: "muscleOxygen", unit: "%", atMillis, values }
    : { sensor, kind: "heartRate", atMillis, values }
}

/** What buckets come to, worked out from all samples at once. */
const naive = (samples: ReadonlyArray<Sample>, width: number, fromMs: number, toMs: number) => {
  const own = samples.filter(({ at, value }) => at >= fromMs && at < toMs && Number.isFinite(value))
  return Array.from(Map.groupBy(own, ({ at }) => Math.floor(at / width)))
    .sort(([a], [b]) => a - b)
    .map(([number, inside]) => {
      const values = inside.map((sample) => sample.value)
      return {
        at: number * width,
        samples: values.length,
        min: Math.min(...values),
        max: Math.max(...values),
        mean: values.reduce((sum, each) => sum + each, 0) / values.length,
      }
    })
}

let runs = 0

const check = (
  incarnations: ReadonlyArray<
    ReadonlyArray<{ blocks: ReadonlyArray<Parameters<typeof blockOf>[0]>; wearers: readonly [string | null, string] }>
  >,
  steps: ReadonlyArray<
    { _tag: "Told"; which: number; first: number; length: number } | { _tag: "Restart" } | { _tag: "Walk" }
  >,
  range: readonly [number, number],
) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const work = yield* UnitOfWork
    const projection = yield* SeriesProjection
    const series = yield* Series
    const deviceId = DeviceId.make(`device-${++runs}`)
    const athleteOf = (name: string) => AthleteId.make(`${name}-${runs}`)
    const all: Array<Sample> = []

    yield* work.run(
      Effect.gen(function* () {
        yield* sql`INSERT INTO device (device_id, name) VALUES (${deviceId}, ${deviceId})`
        let pairings = 0
        for (const [i, chunks] of incarnations.entries()) {
          for (const [j, { blocks, wearers }] of chunks.entries()) {
            pairings++
            for (const [s, wearer] of wearers.entries()) {
              if (wearer === null) continue
              yield* sql`INSERT INTO worn (device_id, sensor, since, athlete_id) VALUES (${deviceId}, ${SENSORS[s]!}, ${pairings}, ${athleteOf(wearer)})`
            }
            const bundle = blocks.map(blockOf)
            const payload = Bundle.encode(bundle)
            yield* sql`
              INSERT INTO chunk (device_id, incarnation, n, crc, samples, received_at_ms, payload, pairings)
              VALUES (${deviceId}, ${`i${i}`}, ${j + 1}, ${crc32(payload)}, ${Bundle.sampleCount(bundle)}, 1, ${payload}, ${pairings})`
          }
        }
      }),
    )
    // Who wears a sensor goes on doing so until another does.
    const worn = new Map<string, string>()
    for (const chunks of incarnations) {
      for (const { blocks, wearers } of chunks) {
        for (const [s, wearer] of wearers.entries()) if (wearer !== null) worn.set(SENSORS[s]!, wearer)
        for (const each of blocks) {
          const athlete = worn.get(each.sensor)
          const { atMillis, values } = blockOf(each)
          if (athlete === undefined) continue
          const stream = `${each.sensor}/${each.isCustom ? "custom:muscleOxygen" : "heartRate"}`
          for (const [i, at] of atMillis.entries()) all.push({ stream, athlete, at, value: values[i]! })
        }
      }
    }

    const told = (which: number, first: number, last: number) => {
      const incarnation = `i${which % incarnations.length}`
      return work.run(projection.addStored([new ChunksStored({ deviceId, incarnation, first, last })]))
    }
    for (const each of steps) {
      if (each._tag === "Told") yield* told(each.which, each.first, each.first + each.length)
      else yield* work.run(each._tag === "Restart" ? projection.restart() : Effect.asVoid(projection.walkOn()))
    }
    // Whatever happened, in the end everything was told of, or walked over.
    for (const [which, chunks] of incarnations.entries()) yield* told(which, 1, chunks.length)
    while (yield* work.run(projection.walkOn())) {}

    for (const athlete of ["a", "b"]) {
      for (const kind of ["heartRate", "custom:muscleOxygen"]) {
        for (const resolution of ["1s", "1min", "5min", "1h"] as const satisfies ReadonlyArray<Resolution>) {
          // Seconds of less time, since an answer is bounded.
          const to = resolution === "1s" ? Math.min(range[1], range[0] + 2 * HOUR) : range[1]
          const answer = yield* series.read(athleteOf(athlete), { kind, resolution, from: range[0], to })
          if (answer._tag !== "Buckets") throw new Error(answer._tag)
          const found = Object.fromEntries(
            answer.series
              .filter(({ atMs }) => atMs.length > 0)
              .map(({ atMs, max, mean, min, samples, source }) => [
                answer.sources[source!]!.sensor,
                atMs.map((at, i) => ({ at, samples: samples[i], min: min[i], max: max[i], mean: mean?.[i] })),
              ]),
          )
          const expected = Object.fromEntries(
            SENSORS.map((sensor) => [
              sensor,
              naive(
                all.filter((one) => one.athlete === athlete && one.stream === `${sensor}/${kind}`),
                WIDTH_MILLIS[resolution],
                answer.fromMs,
                answer.toMs,
              ),
            ]).filter(([, buckets]) => buckets!.length > 0),
          )
          expect(found).toEqual(expected)
        }
        const raw: Array<string> = []
        let after: string | null = null
        do {
          const query: { after?: string } = after === null ? {} : { after }
          const answer = yield* series.read(athleteOf(athlete), {
            kind,
            resolution: "raw",
            from: range[0],
            to: range[1],
            limit: 17,
            ...query,
          })
          if (answer._tag !== "Samples") throw new Error(answer._tag)
          for (const { atMs, source, values } of answer.runs) {
            for (const [i, at] of atMs.entries()) raw.push(`${answer.sources[source]!.sensor} ${at} ${values[i]}`)
          }
          after = answer.next
        } while (after !== null)
        const expected = all
          .filter(
            (one) =>
              one.athlete === athlete && one.stream.endsWith(`/${kind}`) && one.at >= range[0] && one.at < range[1],
          )
          .map(({ at, stream, value }) => `${stream.split("/")[0]} ${at} ${Number.isNaN(value) ? null : value}`)
        expect(raw.toSorted()).toEqual(expected.toSorted())
      }
    }
  })

describe("Series", () => {
  it.live(
    "are what their samples come to, however the chunks were told of, walked over and thrown away",
    () =>
      Effect.gen(function* () {
        const runtime = yield* Effect.runtime<Effect.Effect.Context<ReturnType<typeof check>>>()
        const incarnations = fc.array(fc.array(chunk, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 })
        const range = fc.tuple(fc.integer({ min: -HOUR, max: 3 * HOUR }), fc.integer({ min: 1, max: 5 * HOUR }))
        const property = fc.asyncProperty(
          incarnations,
          fc.array(step, { maxLength: 8 }),
          range,
          (made, steps, [from, length]) =>
            Effect.runPromise(Effect.provide(check(made, steps, [from, from + length]), runtime)),
        )
        yield* Effect.promise(() => fc.assert(property, { seed: 20261120, numRuns: 40 }))
      }).pipe(Effect.provide(layer)),
    60_000,
  )
})
