/** What reading series back costs with ten million samples stored, beside SQL over a row a sample; on Bun's SQLite. */
import type { Resolution, SeriesQuery } from "@paceline/core/contract"
import { type Count, count, type Measurement, stage } from "../../Harness.ts"
import { DAY, type History, LAST_DAY, open, STARTS_AT } from "./History.ts"
import { nanosEach } from "./Live.ts"

let opened: Promise<History> | null = null

/** One history for all rows, made when the first asks; it goes away with the process. */
const history = (): Promise<History> => {
  opened ??= open().then((made) => {
    process.on("exit", () => void made.close())
    return made
  })
  return opened
}

/** Milliseconds, the mean of some. */
const millisEach = async (times: number, ask: () => unknown): Promise<number> => {
  const before = performance.now()
  for (let i = 0; i < times; i++) await ask()
  return (performance.now() - before) / times
}

const BUCKETS = `
  SELECT at / ? AS bucket, count(*) AS samples, min(value) AS min, max(value) AS max, avg(value) AS mean
  FROM sample WHERE athlete = 0 AND kind = 0 AND at >= ? AND at < ? GROUP BY bucket ORDER BY bucket`

const RAW = "SELECT at, value FROM sample WHERE athlete = 0 AND kind = 0 AND at >= ? AND at < ? ORDER BY at"

const asked = (
  name: string,
  goal: number,
  query: SeriesQuery & { readonly from: number; readonly to: number },
  sql: string,
  before: ReadonlyArray<number>,
  times: number,
): Measurement =>
  stage({ name, unit: "ms", goal, rounds: 5 }, async () => {
    const { ask, rows, samples } = await history()
    const statement = rows.prepare<{ at: number }, Array<number>>(sql)
    const peer = () => statement.all(...before, query.from, query.to)
    const [ours, theirs] = [await ask(query), peer().length]
    if (ours !== theirs) throw new Error(`${ours} answered, ${theirs} by SQL, of ${samples} samples`)
    return {
      ours: () => millisEach(times, () => ask(query)),
      peers: { "SQL over a row a sample": () => millisEach(Math.max(1, times / 5), peer) },
    }
  })

const of = { kind: "heartRate" }
const HOUR = { from: LAST_DAY + DAY / 2, to: LAST_DAY + DAY / 2 + 3_600_000 }

/** What a person who waits does not notice, milliseconds. */
const UNNOTICED = 50

/** What is read from the chunks themselves, against what a person notices: rows that lie ready are read faster. */
const within = (
  name: string,
  range: typeof HOUR,
  resolution: Resolution,
  sql: string,
  before: ReadonlyArray<number>,
): Measurement =>
  count({
    name,
    unit: "ms",
    bound: UNNOTICED,
    ours: async () => {
      const { ask } = await history()
      await millisEach(20, () => ask({ ...of, ...range, resolution }))
      return millisEach(20, () => ask({ ...of, ...range, resolution }))
    },
    peers: {
      "SQL over a row a sample": async () => {
        const statement = (await history()).rows.prepare<{ at: number }, Array<number>>(sql)
        return millisEach(20, () => statement.all(...before, range.from, range.to))
      },
    },
  })

const figure = (name: string, unit: string, bound: number, of: (history: History) => number): Count => ({
  name,
  unit,
  bound,
  ours: async () => of(await history()),
})

export const rows: ReadonlyArray<Measurement> = [
  asked(
    "series: 1 h over a year",
    0.2,
    { ...of, resolution: "1h", from: STARTS_AT, to: LAST_DAY },
    BUCKETS,
    [3_600_000],
    20,
  ),
  asked(
    "series: 1 min over a day",
    0.5,
    { ...of, resolution: "1min", from: LAST_DAY, to: LAST_DAY + DAY },
    BUCKETS,
    [60_000],
    20,
  ),
  within("series: 1 s over an hour, from chunks of 5 s", HOUR, "1s", BUCKETS, [1_000]),
  within("series: raw over an hour, from chunks of 5 s", HOUR, "raw", RAW, []),
  count({
    ...figure(
      "series: computing them from chunks of 10 min",
      "CPU ns/sample",
      1_000,
      ({ projectedNanosEach }) => projectedNanosEach,
    ),
    note: "1000 ns are 1,000,000 samples a CPU second; decoding, indexing, buckets of 1, 5 and 60 min, and the commits",
  }),
  count({
    name: "series: computing them from chunks of 1 s of 2,000 bridges",
    unit: "CPU ns/sample",
    bound: 1_000,
    ours: nanosEach,
    note: "accelerometer at 50 Hz and heart rate; each chunk adds to four index rows and twelve buckets",
  }),
  count({
    ...figure("series: stored with all that is computed", "bytes/sample", 6, ({ bytesEach }) => bytesEach.all),
    peers: { "a row a sample": async () => (await history()).bytesEach.rows },
  }),
]
