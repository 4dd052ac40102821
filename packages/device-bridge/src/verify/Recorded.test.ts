import { describe, expect, test } from "vitest"
import { compare, readRecorded } from "./Recorded.ts"

const sample = (atMillis: number, value = atMillis, sensor = "s") => ({ sensor, kind: "power", atMillis, value })
const all = [sample(1), sample(2), sample(3), sample(2, 9, "t")]
const well = { recorded: 4, lost: 0, doubled: 0, outOfOrder: [], unlisted: 0, first: null }

describe("what arrived, held against what was recorded", () => {
  test("all is well, however the streams lie between each other", () => {
    expect(compare(all, [sample(2, 9, "t"), sample(1), sample(2), sample(3)])).toEqual(well)
  })

  test("a sample that is lost, one that is doubled, one that is in no line", () => {
    expect(compare(all, [sample(1), sample(3), sample(2, 9, "t")])).toEqual({
      ...well,
      lost: 1,
      first: "s power: 2 at 2 never arrived",
    })
    expect(compare(all, [...all, sample(1)])).toEqual({
      ...well,
      doubled: 1,
      first: "s power: 1 at 1 is stored more than once",
    })
    expect(compare(all, [...all, sample(4)])).toEqual({ ...well, unlisted: 1 })
  })

  test("another value is a loss, and order counts within a stream", () => {
    expect(compare(all, [sample(1), sample(2, 7), sample(3), sample(2, 9, "t")])).toMatchObject({
      lost: 1,
      unlisted: 1,
    })
    expect(compare(all, [sample(2), sample(1), sample(3), sample(2, 9, "t")])).toEqual({
      ...well,
      outOfOrder: ["s power"],
    })
  })

  test("the same reading recorded twice must be there twice", () => {
    expect(compare([sample(1), sample(1)], [sample(1)])).toMatchObject({ lost: 1 })
    expect(compare([sample(1), sample(1)], [sample(1), sample(1)])).toMatchObject({ lost: 0, doubled: 0 })
  })
})

describe("the file", () => {
  const line = '{"sensor":"s","kind":"power","atMs":1,"value":1}\n'

  test("is read as far as it is written", () => {
    expect(readRecorded(`${line}{"sens`)).toEqual({ samples: [sample(1)], ended: false })
    expect(readRecorded(`${line}\n{"end":true}\n`)).toEqual({ samples: [sample(1)], ended: true })
  })

  test.each([
    ["heart\n", "line 1 of what was recorded is no JSON object: heart"],
    [`${line}{"sensor":"s"}\n`, "line 2 of what was recorded is no sample"],
  ])("a wrong line is named: %j", (text, message) => {
    expect(() => readRecorded(text)).toThrow(message)
  })
})
