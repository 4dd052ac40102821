import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { MeasurementOf } from "./Characteristic.ts"
import { encode, parse } from "./Characteristic.ts"
import { joinMoreData } from "./MoreData.ts"

type Bike = MeasurementOf<"2AD2">

const throughTheAir = (part: Bike): Bike => {
  const read = parse("2AD2", encode("2AD2", part))
  if (read._tag === "GattError") throw new Error(read.message)
  return read
}

const joinAll = (parts: ReadonlyArray<Bike>) => {
  let unfinished: Bike | undefined
  const records: Array<Bike> = []
  let lost = 0
  for (const part of parts) {
    const joined = joinMoreData(unfinished, part)
    unfinished = joined.unfinished
    if (joined.record) records.push(joined.record)
    if (joined.lost) lost++
  }
  return { records, unfinished, lost }
}

const first: Bike = { _tag: "IndoorBike", moreData: true, powerWatts: 200, elapsedSeconds: 7 }
const last: Bike = { _tag: "IndoorBike", moreData: false, speedMetresPerSecond: 10, cadenceRpm: 90, elapsedSeconds: 7 }

describe("More Data", () => {
  test("[bridge 37] parts are joined into the record that they were cut from", () => {
    fc.assert(
      fc.property(
        fc.record({
          cadenceRpm: fc.nat(400).map((halves) => halves / 2),
          powerWatts: fc.integer({ min: -500, max: 2000 }),
          heartRateBpm: fc.nat(255),
          totalDistanceMetres: fc.nat(1_000_000),
          resistanceLevel: fc.integer({ min: -100, max: 100 }),
        }),
        fc.array(fc.nat(3), { minLength: 5, maxLength: 5 }),
        (values, partOfField) => {
          const fields = Object.entries(values)
          const whole: Bike = { _tag: "IndoorBike", moreData: false, speedMetresPerSecond: 5, ...values }
          const parts = [0, 1, 2, 3].map((part): Bike => {
            const own = Object.fromEntries(fields.filter((_, index) => partOfField[index] === part))
            return part < 3
              ? { _tag: "IndoorBike", moreData: true, ...own }
              : { _tag: "IndoorBike", moreData: false, speedMetresPerSecond: 5, ...own }
          })
          expect(joinAll(parts.map(throughTheAir))).toEqual({ records: [whole], unfinished: undefined, lost: 0 })
        },
      ),
    )
  })

  test("a packet without More Data is a record by itself", () => {
    expect(joinAll([last, last])).toEqual({ records: [last, last], unfinished: undefined, lost: 0 })
  })

  test("each part may tell the elapsed time", () => {
    expect(joinAll([first, last]).records).toEqual([{ ...last, powerWatts: 200 }])
  })

  test("[bridge 37] a record whose last part was lost is given up: its values do not pass into the next", () => {
    const heart: Bike = { _tag: "IndoorBike", moreData: true, heartRateBpm: 150 }
    const { records, lost } = joinAll([first, heart, { ...first, powerWatts: 210 }, last])
    expect(records).toEqual([{ ...last, powerWatts: 210 }])
    expect(lost).toBe(1)
  })
})
