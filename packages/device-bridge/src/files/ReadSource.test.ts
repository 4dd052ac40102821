import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync, strToU8, type Zippable, zipSync } from "fflate"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type ActivitySource, type FileOutcome, type ReadLimits, readSource, standardReadLimits } from "./ReadSource.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline read ü-"))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const gpx = (heartRate: number): Uint8Array =>
  strToU8(
    `<gpx><trk><trkseg><trkpt lat="1" lon="2"><time>2026-03-01T08:00:00Z</time><extensions><hr>${heartRate}</hr></extensions></trkpt></trkseg></trk></gpx>`,
  )

const read = (source: ActivitySource, limits: Partial<ReadLimits> = {}) => {
  const reading = readSource(source, { ...standardReadLimits, ...limits })
  const outcomes: Array<FileOutcome> = []
  for (let next = reading.next(); ; next = reading.next()) {
    if (next.done === true) return { outcomes, passedOver: next.value }
    outcomes.push(next.value)
  }
}

/** Names with the heart rate that was read, or the reason why nothing was. */
const told = (source: ActivitySource, limits: Partial<ReadLimits> = {}) =>
  read(source, limits).outcomes.map(({ name, result }) => [
    name.startsWith(folder) ? name.slice(folder.length + 1) : name,
    "_tag" in result ? result.reason : result.streams[0]?.values[0],
  ])

const zipped = (files: Zippable): ActivitySource => ({ name: "export.zip", bytes: zipSync(files) })

describe("a folder", () => {
  test("is read with all below it, in the order of names; what is no activity by its name is passed over", () => {
    mkdirSync(join(folder, "b"))
    writeFileSync(join(folder, "b", "2.GPX"), gpx(102))
    writeFileSync(join(folder, "b", "1.gpx.gz"), gzipSync(gpx(101)))
    writeFileSync(join(folder, "a.tcx"), "broken")
    writeFileSync(join(folder, "._a.gpx"), "what macOS keeps")
    writeFileSync(join(folder, "photo.jpg"), "")
    writeFileSync(join(folder, "z.zip"), zipSync({ "c/3.gpx": gpx(103), "notes.csv": strToU8("a,b") }))
    symlinkSync(folder, join(folder, "round and round"))
    expect(told(folder)).toEqual([
      ["a.tcx", "unknown-format"],
      ["b/1.gpx.gz", 101],
      ["b/2.GPX", 102],
      ["z.zip/c/3.gpx", 103],
    ])
    expect(read(folder).passedOver).toBe(4)
  })

  test("that is not there, or may not be read, is an error and not a crash", () => {
    expect(told(join(folder, "absent"))).toEqual([["absent", "no-access"]])
    expect(told(join(folder, "nothing\0here"))).toMatchObject([[expect.any(String), "no-access"]])
  })

  test("named itself, a file is looked at whatever its name", () => {
    writeFileSync(join(folder, "download"), gzipSync(gpx(99)))
    expect(told(join(folder, "download"))).toEqual([["download", 99]])
  })
})

test("the same bytes have the same hash, packed in whatever way", () => {
  const plain = read({ name: "1.gpx", bytes: gpx(100) }).outcomes[0]?.sha256
  expect(plain).toMatch(/^[0-9a-f]{64}$/)
  expect(read({ name: "1.gpx.gz", bytes: gzipSync(gpx(100)) }).outcomes[0]?.sha256).toBe(plain)
  expect(read(zipped({ "1.gpx.gz": gzipSync(gpx(100)), "2.gpx": gpx(100) })).outcomes.map((o) => o.sha256)).toEqual([
    plain,
    plain,
  ])
  expect(read({ name: "1.gpx", bytes: gpx(101) }).outcomes[0]?.sha256).not.toBe(plain)
})

describe("an archive", () => {
  test("of an account: gzipped files in folders, tables passed over, archives inside stored and deflated", () => {
    const inner = zipSync({ "9.gpx": gpx(109) })
    const source = zipped({
      "activities/1.gpx.gz": gzipSync(gpx(101)),
      "activities/broken.fit": strToU8("no FIT"),
      "activities.csv": strToU8("id,name"),
      "__MACOSX/1.gpx": strToU8("x"),
      "stored.zip": [inner, { level: 0 }],
      "deflated.zip": [inner, { level: 9 }],
      "empty/": new Uint8Array(),
    })
    expect(told(source)).toEqual([
      ["export.zip/activities/1.gpx.gz", 101],
      ["export.zip/activities/broken.fit", "unknown-format"],
      ["export.zip/stored.zip/9.gpx", 109],
      ["export.zip/deflated.zip/9.gpx", 109],
    ])
    expect(read(source).passedOver).toBe(2)
  })

  test("with a damaged file gives that file's error, and the others", () => {
    const bytes = zipSync({ "1.gpx": [gpx(101), { level: 0 }], "2.gpx": [gpx(102), { level: 0 }] })
    const at = Buffer.from(bytes).indexOf("101")
    bytes[at] = (bytes[at] ?? 0) + 1
    expect(told({ name: "x.zip", bytes })).toEqual([
      ["x.zip/1.gpx", "damaged"],
      ["x.zip/2.gpx", 102],
    ])
  })

  test("that is encrypted or packed in another way says so", () => {
    const bytes = zipSync({ "1.gpx": gpx(101) })
    const directoryAt = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]))
    const encrypted = Uint8Array.from(bytes)
    encrypted[directoryAt + 8] = 1
    expect(read({ name: "x.zip", bytes: encrypted }).outcomes[0]?.result).toMatchObject({
      reason: "unreadable",
      message: expect.stringContaining("encrypted"),
    })
    const other = Uint8Array.from(bytes)
    other[directoryAt + 10] = 14
    expect(read({ name: "x.zip", bytes: other }).outcomes[0]?.result).toMatchObject({
      message: expect.stringContaining("method 14"),
    })
  })

  test("cut anywhere, or with any byte changed, gives errors and never a crash", () => {
    const bytes = zipSync({ "1.gpx": gpx(101), "inner.zip": zipSync({ "2.gpx": gpx(102) }) })
    for (let length = 4; length < bytes.length; length++) {
      expect(told({ name: "x.zip", bytes: bytes.subarray(0, length) })).toEqual([["x.zip", "cut-short"]])
    }
    const changed = Uint8Array.from(bytes)
    for (let at = 4; at < bytes.length; at++) {
      for (const value of [0, 0xff, (bytes[at] ?? 0) ^ 1]) {
        changed[at] = value
        for (const [, is] of told({ name: "x.zip", bytes: changed })) expect(is).toBeDefined()
      }
      changed[at] = bytes[at] ?? 0
    }
  })
})

describe("a bomb", () => {
  const zeros = new Uint8Array(8 * 2 ** 20)

  test("of one file costs the limit of a file, also when it lies about its size", () => {
    const bytes = zipSync({ "1.fit": zeros, "2.gpx": gpx(102) })
    const lying = Uint8Array.from(bytes)
    const directoryAt = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]))
    new DataView(lying.buffer).setUint32(directoryAt + 24, 100, true)
    for (const bomb of [bytes, lying]) {
      expect(told({ name: "x.zip", bytes: bomb }, { fileBytes: 2 ** 20 })).toEqual([
        ["x.zip/1.fit", "too-large"],
        ["x.zip/2.gpx", 102],
      ])
    }
    expect(told({ name: "1.fit.gz", bytes: gzipSync(zeros) }, { fileBytes: 2 ** 20 })).toEqual([
      ["1.fit.gz", "too-large"],
    ])
  })

  test("of many files stops at the limit of all", () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}.fit`, zeros.subarray(0, 2 ** 20)]))
    const outcomes = told(zipped(files), { unpackedBytes: 4.5 * 2 ** 20 })
    expect(outcomes.length).toBeLessThan(8)
    expect(outcomes.at(-1)).toEqual(["export.zip", "too-large"])
  })

  test("of archives in archives goes only so deep", () => {
    let bytes = zipSync({ "1.gpx": gpx(100) })
    for (let depth = 0; depth < 5; depth++) bytes = zipSync({ "inner.zip": bytes })
    expect(told({ name: "x.zip", bytes })).toEqual([["x.zip/inner.zip/inner.zip/inner.zip", "unreadable"]])
  })
})

describe("a gzipped file", () => {
  test("cut anywhere, or with a changed trailer, gives an error", () => {
    const bytes = gzipSync(gpx(100))
    for (let length = 2; length < bytes.length; length++) {
      expect(told({ name: "1.gpx.gz", bytes: bytes.subarray(0, length) })[0]?.[1]).toMatch(/^(cut-short|damaged)$/)
    }
    const changed = Uint8Array.from(bytes)
    changed[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1
    expect(told({ name: "1.gpx.gz", bytes: changed })).toEqual([["1.gpx.gz", "damaged"]])
  })
})
