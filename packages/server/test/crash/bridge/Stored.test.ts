/** The judge of the crash tests sees what is wrong: each fault that it looks for is planted once. */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Bundle, crc32 } from "@paceline/core/wire"
import { afterEach, beforeEach, expect, test } from "vitest"
import { streamOf, VALUES_A_CHUNK } from "./BridgeVictim.ts"
import { type Expectation, holds } from "./Stored.ts"

let data = ""
let database: Database

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "paceline-stored-"))
  database = new Database(join(data, "paceline.db"), { strict: true })
  database.run("create table chunk (device_id text, incarnation text, n integer, crc integer, payload blob)")
  database.run("create table quarantine (device_id text)")
  database.run("create table gap (device_id text, incarnation text, first_missing integer, last_missing integer)")
})
afterEach(() => {
  database.close()
  rmSync(data, { recursive: true, force: true })
})

/** Stores the chunk of ten values that begins with `first`. */
const store = (incarnation: string, n: number, first: number, count = VALUES_A_CHUNK): void => {
  const blocks = [0, 1].map((odd) => {
    const values = Array.from({ length: count }, (_, i) => first + i).filter((value) => value % 2 === odd)
    return { ...streamOf(odd), atMillis: values, values }
  })
  const payload = Bundle.encode(blocks)
  database.run("insert into chunk values ('d', ?, ?, ?, ?)", [incarnation, n, crc32(payload), payload])
}

const found = (changes: Partial<Expectation> = {}) =>
  holds({ data, deviceId: "d", lives: [{ first: 0, recorded: 39, flushed: 29 }], inOneLine: true, ...changes })

test("all is well: what was flushed is there, what was only recorded may be", () => {
  store("a", 1, 0)
  store("a", 2, 10)
  store("b", 1, 20)
  expect(found()).toEqual({ acknowledged: 30, gaps: 0, problems: [] })
  store("b", 2, 30)
  expect(found()).toEqual({ acknowledged: 30, gaps: 0, problems: [] })
})

test("a lost chunk, a doubled one, and one that nobody recorded", () => {
  store("a", 1, 0)
  store("a", 2, 0)
  store("b", 1, 40)
  expect(found().problems).toEqual([
    "a/2: 0 came after 0",
    ...Array.from({ length: 10 }, (_, value) => `${value} is stored 2 times`),
    ...Array.from({ length: 10 }, (_, i) => `${40 + i} was never recorded`),
    ...Array.from({ length: 20 }, (_, i) => `${10 + i} was acknowledged to its caller and is lost`),
  ])
})

test("half a chunk, an order turned around, a hole in the numbers, and what was set aside", () => {
  store("a", 1, 0)
  store("b", 1, 20)
  store("a", 3, 10, 5)
  database.run("insert into quarantine values ('d')")
  const { problems } = found()
  expect(problems).toContain("1 chunks were set aside")
  expect(problems).toContain("a/3 does not hold what was flushed: 10,11,12,13,14")
  expect(problems).toContain("a/3: 10 came after 20")
  expect(problems).toContain("a/2 is missing in silence")
})

test("a gap must be allowed, cover what is missing, and nothing else", () => {
  store("a", 1, 0)
  store("a", 4, 20)
  database.run("insert into gap values ('d', 'a', 2, 3)")
  const lives = [{ first: 0, recorded: 29, flushed: 9 }]
  expect(found({ lives }).problems).toEqual(["chunks were declared missing: a/2-3"])
  expect(found({ lives, gapsAllowed: true })).toEqual({ acknowledged: 10, gaps: 1, problems: [] })
  store("a", 3, 10)
  expect(found({ lives, gapsAllowed: true }).problems).toContain("a/3 is there and declared missing")
})
