/**
 * What devices keep of an athlete: which sensors they wear and wore, and what those measured.
 *
 * A chunk bundles the sensors of a bridge, and so of several athletes. Erasing takes one athlete's streams out of it and
 * leaves the others as they are. The chunk keeps its identity and the CRC that it was delivered with: when the bridge sends
 * it again it is known, and stored no second time. From then on nobody wears the sensor, until somebody is paired with it.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import {
  type AthleteId,
  type DeviceId,
  orUnavailable,
  type PersonalDataSection,
  type PersonalRecord,
} from "@paceline/core/contract"
import { Bundle, SensorKind } from "@paceline/core/wire"
import { Chunk, Effect, Option, Schema, Stream } from "effect"
import { Devices } from "./Service.ts"
import { SeriesProjection } from "./series/Projection.ts"

/** So many chunks are read, or written anew, at once. */
const PAGE = 100

/** Who wears a sensor that was an erased athlete's. */
const NOBODY = ""

/** A time, by the device's pairings, in which the athlete wore a sensor. */
interface Worn {
  readonly deviceId: DeviceId
  readonly deviceName: string
  readonly sensor: string
  readonly since: number
  /** The pairing at which somebody else got it; null while nobody did. */
  readonly until: number | null
}

interface StoredChunk {
  readonly incarnation: string
  readonly n: number
  readonly receivedAtMs: number
  readonly payload: Uint8Array
}

/** Where a walk over the chunks of all that was worn is: the number of the time, and the last chunk of it. */
const Place = Schema.Struct({ worn: Schema.Int, incarnation: Schema.String, n: Schema.Int })
type Place = typeof Place.Type
const PlaceText = Schema.parseJson(Place)
const FIRST: Place = { worn: 0, incarnation: "", n: 0 }

/** JSON has no NaN, no infinities and no negative zero; they are written as text. */
const jsonValue = (value: number): number | string =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value)

const streamOf = (block: Bundle.Block) =>
  block.kind === "custom"
    ? { kind: block.name, unit: block.unit, custom: true }
    : { kind: block.kind, unit: SensorKind.SENSOR_KINDS[block.kind].unit, custom: false }

export const section = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const work = yield* UnitOfWork
  const devices = yield* Devices
  const series = yield* SeriesProjection

  const wornBy = (athleteId: AthleteId) =>
    sql<Worn>`
      SELECT w.device_id AS "deviceId", coalesce(d.name, w.device_id) AS "deviceName", w.sensor, w.since, (
               SELECT min(o.since) FROM worn o
               WHERE o.device_id = w.device_id AND o.sensor = w.sensor AND o.since > w.since) AS until
      FROM worn w LEFT JOIN device d ON d.device_id = w.device_id
      WHERE w.athlete_id = ${athleteId} ORDER BY w.device_id, w.sensor, w.since`

  /** The next chunks of a time, whatever is in them. */
  const chunksOf = ({ deviceId, since, until }: Worn, { incarnation, n }: Place) =>
    sql<StoredChunk>`
      SELECT incarnation, n, received_at_ms AS "receivedAtMs", payload FROM chunk
      WHERE device_id = ${deviceId} AND (incarnation, n) > (${incarnation}, ${n})
        AND pairings >= ${since} AND pairings < ${until ?? Number.MAX_SAFE_INTEGER}
      ORDER BY incarnation, n LIMIT ${PAGE}`

  /** The next page of chunks and where to go on; null when all that was worn is through. */
  const nextPage = Effect.fnUntraced(function* (athleteId: AthleteId, place: Place) {
    const worn = (yield* wornBy(athleteId))[place.worn]
    if (worn === undefined) return null
    const chunks = yield* chunksOf(worn, place)
    const last = chunks.at(-1)
    const next: Place =
      last === undefined || chunks.length < PAGE
        ? { ...FIRST, worn: place.worn + 1 }
        : { worn: place.worn, incarnation: last.incarnation, n: last.n }
    return { worn, chunks, next }
  })

  const samplesIn = (worn: Worn, chunk: StoredChunk): ReadonlyArray<PersonalRecord> => {
    const bundle = Bundle.decode(chunk.payload)
    if ("_tag" in bundle) return []
    return bundle
      .filter(({ sensor }) => sensor === worn.sensor)
      .map((block) => ({
        type: "samples",
        deviceId: worn.deviceId,
        device: worn.deviceName,
        sensor: worn.sensor,
        incarnation: chunk.incarnation,
        n: chunk.n,
        receivedAtMs: chunk.receivedAtMs,
        ...streamOf(block),
        atMillis: block.atMillis,
        values: block.values.map(jsonValue),
      }))
  }

  const samples = (athleteId: AthleteId) =>
    Stream.paginateChunkEffect(FIRST, (place) =>
      Effect.map(orUnavailable(nextPage(athleteId, place)), (page) =>
        page === null
          ? ([Chunk.empty<PersonalRecord>(), Option.none<Place>()] as const)
          : ([
              Chunk.fromIterable(page.chunks.flatMap((chunk) => samplesIn(page.worn, chunk))),
              Option.some(page.next),
            ] as const),
      ),
    )

  /** Takes the sensor's streams out of the chunk. */
  const erase = Effect.fnUntraced(function* ({ deviceId, sensor }: Worn, { incarnation, n, payload }: StoredChunk) {
    const bundle = Bundle.decode(payload)
    // Stored chunks could be read once. One that cannot any more is damaged: nobody can say whose it was, so it goes.
    const before = "_tag" in bundle ? [] : bundle
    const after = before.filter((block) => block.sensor !== sensor)
    if (before.length === after.length && before.length > 0) return
    yield* sql`
      UPDATE chunk SET payload = ${Bundle.encode(after)}, samples = ${Bundle.sampleCount(after)},
        erased = erased + ${before.length - after.length}
      WHERE device_id = ${deviceId} AND incarnation = ${incarnation} AND n = ${n}`
  })

  /**
   * What could not be read may have been anybody's: of bridges that the athlete was paired with it goes. It goes first, so
   * that none of it comes to be read, and stored, behind the page that is being erased.
   */
  const forgetQuarantine = (athleteId: AthleteId) => sql`
    UPDATE quarantine SET payload = x''
    WHERE device_id IN (SELECT device_id FROM worn WHERE athlete_id = ${athleteId})`

  const forgetSeries = (athleteId: AthleteId) =>
    Effect.gen(function* () {
      const streams = sql`SELECT id FROM series_stream WHERE athlete_id = ${athleteId}`
      yield* sql`DELETE FROM series_bucket WHERE stream_id IN (${streams})`
      yield* sql`DELETE FROM series_chunk WHERE stream_id IN (${streams})`
      yield* sql`DELETE FROM series_stream WHERE athlete_id = ${athleteId}`
      yield* sql`UPDATE worn SET athlete_id = ${NOBODY} WHERE athlete_id = ${athleteId}`
      yield* afterCommit(series.forget)
    })

  const section: PersonalDataSection = {
    name: "devices",
    export: (athleteId) =>
      Stream.concat(
        Stream.fromIterableEffect(
          orUnavailable(sql<object>`
            SELECT p.device_id AS "deviceId", d.name AS device, p.sensor, p.class_id AS "classId", p.source
            FROM pairing p JOIN device d ON d.device_id = p.device_id
            WHERE p.athlete_id = ${athleteId} ORDER BY p.device_id, p.sensor`),
        ).pipe(Stream.map((pairing) => ({ type: "pairing", ...pairing }))),
        samples(athleteId),
      ),
    close: (athleteId) => devices.unpairAthlete(athleteId),
    forget: (athleteId, text) =>
      Effect.gen(function* () {
        const place = text === null ? FIRST : yield* Effect.orDie(Schema.decode(PlaceText)(text))
        if (text === null) yield* forgetQuarantine(athleteId)
        const page = yield* nextPage(athleteId, place)
        if (page === null) {
          yield* forgetSeries(athleteId)
          return null
        }
        for (const chunk of page.chunks) yield* erase(page.worn, chunk)
        return yield* Effect.orDie(Schema.encode(PlaceText)(page.next))
      }).pipe((unit) => work.run(unit), orUnavailable),
  }
  return section
})
