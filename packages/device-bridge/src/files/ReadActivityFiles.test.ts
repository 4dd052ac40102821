import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Encoder, type FileIdMesg, type RecordMesg } from "@garmin/fitsdk"
import { gzipSync, strToU8, zipSync } from "fflate"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { bun, node } from "../../test/Runtimes.ts"
import { readActivity } from "./ReadActivity.ts"
import { type FilesReport, readActivityFiles } from "./ReadActivityFiles.ts"
import { ReaderThread, readerLocation } from "./ReaderThread.ts"
import type { FileOutcome } from "./ReadSource.ts"
import { sampleCount } from "./Recording.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline threads-"))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const START = Date.UTC(2026, 2, 1, 8)

/** So many seconds of heart rate, power and altitude. */
const fit = (seconds: number): Uint8Array => {
  const encoder = new Encoder()
  const fileId: FileIdMesg = { type: "activity", manufacturer: "development", timeCreated: new Date(START) }
  encoder.onMesg(0, fileId)
  for (let second = 0; second < seconds; second++) {
    const record: RecordMesg = {
      timestamp: new Date(START + 1000 * second),
      heartRate: 100 + (second % 80),
      power: second % 400,
      altitude: 500 + (second % 100) / 5,
      temperature: 20,
    }
    encoder.onMesg(20, record)
  }
  return encoder.close()
}

const gpx = strToU8(
  `<gpx><trk><trkseg><trkpt lat="1" lon="2"><time>2026-03-01T08:00:00Z</time></trkpt></trkseg></trk></gpx>`,
)

describe.each([
  ["in a thread", true],
  ["in the calling thread", false],
])("files read %s", (_, inThread) => {
  test("give what they give at once, in order; what is wrong with one stops no other", async () => {
    const bytes = fit(10_000)
    const outcomes: Array<FileOutcome> = []
    const report = await readActivityFiles(
      [
        { name: "1.fit", bytes },
        { name: "2.fit", bytes: bytes.subarray(0, 500) },
        { name: "export.zip", bytes: zipSync({ "a/3.gpx.gz": gzipSync(gpx), "notes.txt": strToU8("") }) },
        join(folder, "absent"),
      ],
      { inThread, onFile: (file) => void outcomes.push(file) },
    )
    const whole = readActivity(bytes)
    if ("_tag" in whole) throw new Error(whole.message)
    expect(outcomes[0]?.result).toEqual(whole)
    expect(outcomes[2]?.result).toEqual(readActivity(gpx))
    expect(outcomes.map(({ name }) => name)).toEqual([
      "1.fit",
      "2.fit",
      "export.zip/a/3.gpx.gz",
      join(folder, "absent"),
    ])
    expect(report).toEqual({
      files: 2,
      samples: sampleCount(whole) + 2,
      failed: [
        { name: "2.fit", error: expect.objectContaining({ reason: "cut-short" }) },
        { name: join(folder, "absent"), error: expect.objectContaining({ reason: "no-access" }) },
      ],
      passedOver: 1,
      inThread,
      stopped: false,
    })
  })

  test("are no more than asked for: a signal ends it after a file, and what onFile throws is thrown", async () => {
    const sources = ["1", "2", "3"].map((name) => ({ name, bytes: gpx }))
    const stop = new AbortController()
    const names: Array<string> = []
    const report = await readActivityFiles(sources, {
      inThread,
      signal: stop.signal,
      onFile: ({ name }) => {
        names.push(name)
        if (name === "2") stop.abort()
      },
    })
    expect([names, report.files, report.stopped]).toEqual([["1", "2"], 2, true])
    const failing = readActivityFiles(sources, {
      inThread,
      onFile: () => {
        throw new Error("no room")
      },
    })
    await expect(failing).rejects.toThrow("no room")
  })
})

test("the calling thread goes on while a large file is read", async () => {
  const path = join(folder, "large.fit")
  writeFileSync(path, fit(40_000))
  const delays = async (inThread: boolean): Promise<{ readonly longestMs: number; readonly report: FilesReport }> => {
    let last = performance.now()
    let longestMs = 0
    const ticking = setInterval(() => {
      const now = performance.now()
      longestMs = Math.max(longestMs, now - last)
      last = now
    }, 1)
    try {
      return { report: await readActivityFiles([path], { inThread }), longestMs }
    } finally {
      clearInterval(ticking)
    }
  }
  const blocking = await delays(false)
  const threaded = await delays(true)
  expect(threaded.report).toMatchObject({ files: 1, inThread: true, samples: blocking.report.samples })
  expect(blocking.longestMs).toBeGreaterThan(50)
  // Some milliseconds on a quiet machine; a busy one may stop any thread for longer, but not for as long as reading takes.
  expect(threaded.longestMs).toBeLessThan(blocking.longestMs / 2)
})

describe("the reader's program", () => {
  test("stands beside the source, beside what is published, and where a binary keeps it", () => {
    expect(readerLocation("file:///x/src/files/ReaderThread.ts").href).toBe("file:///x/src/files/ReaderWorker.ts")
    expect(readerLocation("file:///x/dist/files/ReaderThread.js").href).toBe("file:///x/dist/files/ReaderWorker.js")
    expect(readerLocation("file:///$bunfs/root/paceline-linux-x64").href).toBe(
      "file:///$bunfs/root/device-bridge/src/files/ReaderWorker.js",
    )
    expect(readerLocation("file:///B:/~BUN/root/paceline.exe").href).toBe(
      "file:///B:/~BUN/root/device-bridge/src/files/ReaderWorker.js",
    )
  })

  test("that is missing gives no thread, and no crash", async () => {
    expect(await ReaderThread.open(pathToFileURL(join(folder, "none.js")))).toBeNull()
  })

  test("that dies of one source reads the next in a new thread", async () => {
    // What no caller with types can give: the thread dies of it.
    const deadly = { name: "deadly.fit", bytes: null as never }
    const report = await readActivityFiles([deadly, { name: "good.fit", bytes: fit(10) }, deadly])
    expect(report).toMatchObject({ files: 1, inThread: true, failed: [{ name: "deadly.fit" }, { name: "deadly.fit" }] })
  })

  test("that dies ends what it read with an error", async () => {
    const path = join(folder, "dying.mjs")
    writeFileSync(
      path,
      `import { parentPort } from "node:worker_threads"
       parentPort.on("message", () => { throw new Error("out of memory") })
       parentPort.postMessage({ _tag: "Ready" })`,
    )
    const thread = await ReaderThread.open(pathToFileURL(path))
    const outcomes: Array<FileOutcome> = []
    const limits = { fileBytes: 1, unpackedBytes: 1 }
    for await (const outcome of thread?.read("export.zip", limits) ?? []) outcomes.push(outcome)
    expect(outcomes).toMatchObject([
      { name: "export.zip", result: { reason: "unreadable", message: expect.stringContaining("out of memory") } },
    ])
    expect(thread?.alive).toBe(false)
    await thread?.close()
  })

  test.each([node, bun])("is found and reads on $name", ({ command, args }) => {
    const program = join(folder, "reads.ts")
    writeFileSync(
      program,
      `import { readActivityFiles } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, "ReadActivityFiles.ts")).href)}
       const { files, samples, inThread } = await readActivityFiles([process.argv[2]])
       console.log(JSON.stringify({ files, samples, inThread }))`,
    )
    const path = join(folder, "small.fit")
    writeFileSync(path, fit(100))
    const { stdout, stderr } = spawnSync(command, [...args, program, path], {
      encoding: "utf8",
      cwd: import.meta.dirname,
    })
    expect(JSON.parse(stdout || `"${stderr}"`)).toEqual({ files: 1, samples: 300, inThread: true })
  })
})
