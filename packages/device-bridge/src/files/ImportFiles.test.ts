import { Bundle } from "@paceline/core/wire"
import { gzipSync, strToU8, zipSync } from "fflate"
import { describe, expect, test, vi } from "vitest"
import { open, serve, server, until } from "../../test/Delivering.ts"
import { type ImportedFile, importFiles } from "./ImportFiles.ts"

const START = Date.UTC(2026, 2, 1, 8)

/** A GPX file of so many seconds, each with a position, a temperature and a heart rate. */
const gpx = (seconds: number, heartRate = 100) => {
  const points = Array.from({ length: seconds }, (_, second) => {
    const time = new Date(START + 1000 * second).toISOString()
    return `<trkpt lat="1" lon="2"><time>${time}</time><extensions><atemp>20</atemp><hr>${heartRate}</hr></extensions></trkpt>`
  })
  return { name: `${seconds}.gpx`, bytes: strToU8(`<gpx><trk><trkseg>${points.join("")}</trkseg></trk></gpx>`) }
}

/** What the server stored, as text. */
const stored = (): ReadonlyArray<string> =>
  server.stored.flatMap(({ payload }) => {
    const bundle = Bundle.decode(payload)
    if ("_tag" in bundle) throw new Error(bundle.detail)
    return bundle.flatMap(({ sensor, atMillis, values, ...block }) =>
      atMillis.map(
        (at, i) => `${sensor} ${block.kind === "custom" ? block.name : block.kind} ${at - START} ${values[i]}`,
      ),
    )
  })

const quiet = { flushMillis: 600_000, liveKinds: [] } as const

describe("an import", { timeout: 60_000 }, () => {
  test("delivers every sample and mark of every file once, and tells what came of each", async () => {
    serve()
    const bridge = open(quiet)
    const told: Array<ImportedFile> = []
    const report = await importFiles(bridge, [gpx(2), { name: "bad.fit", bytes: strToU8("bad") }], {
      sensor: "watch",
      onFile: (file) => told.push(file),
    })
    await bridge.drained()
    expect(stored().toSorted()).toEqual(
      [
        "watch activity 0 1",
        ...[0, 1000].flatMap((at) => [
          `watch heartRate ${at} 100`,
          `watch latitude ${at} 1`,
          `watch longitude ${at} 2`,
          `watch temperature ${at} 20`,
        ]),
        "watch activity 1000 0",
      ].toSorted(),
    )
    expect(report).toMatchObject({ imported: 1, known: 0, samples: 10, stopped: false, failed: [{ name: "bad.fit" }] })
    expect(told.map(({ _tag, name }) => `${_tag} ${name}`)).toEqual(["Imported 2.gpx", "Unreadable bad.fit"])
    expect(server.live).toEqual([])
  })

  test("of the same bytes again adds nothing: under another name, packed, or after a restart", async () => {
    serve()
    const { bytes } = gpx(3)
    const bridge = open(quiet)
    const sources = [
      { name: "a.gpx", bytes },
      { name: "b.gpx", bytes },
      { name: "c.gpx.gz", bytes: gzipSync(bytes) },
      { name: "d.zip", bytes: zipSync({ "e.gpx": bytes }) },
    ]
    expect(await importFiles(bridge, sources, { sensor: "watch" })).toMatchObject({ imported: 1, known: 3 })
    await bridge.close()
    const again = open(quiet)
    expect(await importFiles(again, sources, { sensor: "watch" })).toMatchObject({ imported: 0, known: 4, samples: 0 })
    await again.drained()
    expect(stored()).toHaveLength(14)
    // Another athlete's import of the same file is another import.
    expect(await importFiles(again, [gpx(3)], { sensor: "other" })).toMatchObject({ imported: 1, known: 0 })
  })

  test("[bridge 11] stopped in the middle goes on there: the cursor is stored with the samples", async () => {
    const { behaviour } = serve({ silent: true })
    const long = gpx(9_000)
    let bridge = open(quiet)
    let rounds = 0
    for (; rounds < 20; rounds++) {
      const stop = new AbortController()
      const before = bridge.status().waitingChunks
      const unsubscribe = bridge.subscribe(({ waitingChunks }) => waitingChunks > before && stop.abort())
      const report = await importFiles(bridge, [long], { sensor: "watch", signal: stop.signal })
      unsubscribe()
      await bridge.close()
      bridge = open(quiet)
      if (!report.stopped) break
    }
    behaviour.silent = false
    server.dropAll()
    await bridge.drained()
    expect(rounds).toBeGreaterThan(1)
    expect(stored()).toHaveLength(4 * 9_000 + 2)
    expect(new Set(stored()).size).toBe(4 * 9_000 + 2)
  })

  test("on a bridge that shows straps live: nothing of a file is shown as the present", async () => {
    serve()
    const bridge = open({ liveKinds: ["heartRate"] })
    await until(() => bridge.status().connected)
    await importFiles(bridge, [gpx(2)], { sensor: "watch" })
    bridge.record("strap-01", "heartRate", START, 61)
    await until(() => server.live.length > 0)
    await bridge.drained()
    expect(server.live.flatMap(({ bundle }) => bundle.map(({ sensor }) => sensor))).toEqual(["strap-01"])
    expect(stored()).toHaveLength(2 * 4 + 2 + 1)
  })

  test("where memory holds less than a file: all of it is taken, and counted", async () => {
    serve()
    const bridge = open({ ...quiet, maxPendingSamples: 1_000 })
    const report = await importFiles(bridge, [gpx(600)], { sensor: "watch" })
    expect(report).toMatchObject({ imported: 1, samples: 4 * 600 + 2 })
    await bridge.drained()
    expect(new Set(stored()).size).toBe(4 * 600 + 2)
    expect(stored()).toHaveLength(4 * 600 + 2)
  })

  test("ends when the bridge is closed while it waits", async () => {
    serve({ silent: true })
    const bridge = open(quiet)
    const waits = vi.spyOn(bridge, "subscribe")
    const importing = importFiles(bridge, [gpx(500), gpx(600, 101)], { sensor: "watch", maxWaitingBytes: 0 })
    importing.catch(() => {})
    await until(() => waits.mock.calls.length > 0)
    await bridge.close()
    await expect(importing).rejects.toMatchObject({ _tag: "BufferClosed" })
  })

  test("waits while much waits for the server, and goes on when that has gone", async () => {
    const { behaviour } = serve({ silent: true })
    const bridge = open(quiet)
    let done = false
    const importing = importFiles(bridge, [gpx(500), gpx(600, 101)], {
      sensor: "watch",
      maxWaitingBytes: 100,
    }).then((report) => {
      done = true
      return report
    })
    await until(() => bridge.status().waitingChunks > 0)
    expect(done).toBe(false)
    behaviour.silent = false
    server.dropAll()
    expect(await importing).toMatchObject({ imported: 2, stopped: false })
    await bridge.drained()
    expect(stored()).toHaveLength(4 * 1_100 + 4)
  })
})
