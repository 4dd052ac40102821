/** `paceline log tail`: records of a topic, the newest or from a place on, and what is appended from then on. */
import type { LoggedRecord } from "@paceline/core/contract"
import { Console, Effect } from "effect"
import type { ResolvedSettings } from "../../config/Settings.ts"
import { connect, orRefused } from "../LocalServer.ts"
import { table } from "../Table.ts"
import { timeText } from "../Text.ts"

export interface TailOptions {
  readonly topic: string
  readonly key: string | undefined
  readonly from: string | undefined
  readonly limit: number | undefined
  readonly follow: boolean
  readonly json: boolean
}

/** So many of the newest are shown when nobody says where to begin. */
const NEWEST = 10

const MOST_A_PAGE = 1_000

const FOLLOW_EVERY = "500 millis"

/** Cut to the width of a terminal; whole for a program that reads it. */
const fitted = (line: string): string => {
  const { columns, isTTY } = process.stdout
  return isTTY && line.length > columns ? `${line.slice(0, columns - 1)}…` : line
}

const lines = (records: ReadonlyArray<LoggedRecord>): string =>
  table(
    records.map(({ appendedAtMs, key, offset, partition, payload }) => [
      timeText(appendedAtMs),
      `${partition}:${offset}`,
      key,
      JSON.stringify(payload),
    ]),
  )
    .split("\n")
    .map(fitted)
    .join("\n")

const print = (records: ReadonlyArray<LoggedRecord>, json: boolean) =>
  records.length === 0
    ? Effect.void
    : Console.log(json ? records.map((record) => JSON.stringify(record)).join("\n") : lines(records))

export const tail = (settings: ResolvedSettings, { follow, from, json, key, limit, topic }: TailOptions) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const most = limit ?? (from === undefined ? NEWEST : Number.POSITIVE_INFINITY)
    const read = (place: string | undefined, count: number) =>
      orRefused(
        api.operations.records({
          path: { topic: encodeURIComponent(topic) },
          urlParams: {
            ...(place === undefined ? {} : { from: place }),
            ...(key === undefined ? {} : { key }),
            limit: Math.max(1, Math.min(MOST_A_PAGE, count)),
          },
        }),
      )
    let page = yield* read(from, most)
    let shown = page.records.length
    yield* print(page.records, json)
    while (page.more && shown < most) {
      page = yield* read(page.next, most - shown)
      shown += page.records.length
      yield* print(page.records, json)
    }
    while (follow && shown < (limit === undefined || from === undefined ? Number.POSITIVE_INFINITY : limit)) {
      if (!page.more) yield* Effect.sleep(FOLLOW_EVERY)
      page = yield* read(page.next, MOST_A_PAGE)
      shown += page.records.length
      yield* print(page.records, json)
    }
    if (shown === 0 && !json) yield* Console.error("There are no such records.")
  })
