/** What tests of series share: samples that a bridge delivers, and series read until they are there. */
import type { Bundle } from "@paceline/core/wire"
import { Effect } from "effect"
import { chunk, greet } from "./Bridge.ts"
import { type Answer, eventually, TestServer } from "./TestServer.ts"

export const HOUR = 3_600_000
export const T0 = Date.UTC(2026, 8, 20, 18)

/** A sample a second from `atMs` on. */
export const every = (atMs: number, values: ReadonlyArray<number>) =>
  values.map((value, i): readonly [number, number] => [atMs + i * 1000, value])

/** Delivers chunks in order and waits until they are stored. */
export const deliver = (
  device: { deviceId: string; key: string },
  incarnation: string,
  ...bundles: Array<Bundle.Bundle>
) =>
  Effect.gen(function* () {
    const { bridge } = yield* greet(device)
    // No more than the window are under way.
    for (let from = 0; from < bundles.length; from += 8) {
      const to = Math.min(bundles.length, from + 8)
      for (let n = from + 1; n <= to; n++) bridge.say(chunk(n, bundles[n - 1]!, incarnation))
      yield* eventually(bridge.next, (frame) => frame._tag === "Ack" && frame.n === to)
    }
  })

export const read = (path: string, key?: string | null) =>
  Effect.flatMap(TestServer, ({ request }) => request("GET", path, undefined, key))

export const url = (athleteId: string, query: Readonly<Record<string, string | number>>) =>
  `/v1/athletes/${athleteId}/series?${new URLSearchParams(Object.entries(query).map(([name, value]) => [name, `${value}`]))}`

/** Reads the list until as many samples are counted as were delivered. */
export const untilListed = (athleteId: string, samples: number, key?: string) =>
  eventually(
    read(`/v1/athletes/${athleteId}/series`, key),
    ({ body }: Answer) =>
      body.series.reduce((sum: number, one: { samples: number }) => sum + one.samples, 0) === samples,
  )
