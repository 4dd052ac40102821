import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Batcher from "./Batcher.ts"

describe("a batch", () => {
  test("[log 24] fires at 1000, and at 30 s with 1", () => {
    const at = (waiting: number, nowMillis: number) =>
      Batcher.decide(Batcher.standard, { waiting, firstSeenAtMillis: 500 }, nowMillis)
    expect(at(999, 500)).toEqual({ _tag: "Wait", untilMillis: 30_500 })
    expect(at(1_000, 500)).toEqual({ _tag: "Fire", size: 1_000 })
    expect(at(1, 30_499)).toEqual({ _tag: "Wait", untilMillis: 30_500 })
    expect(at(1, 30_500)).toEqual({ _tag: "Fire", size: 1 })
    expect(at(0, 99_999)).toEqual({ _tag: "Idle" })
  })

  test("[log 24] is never above 5000, and takes all that waits up to there", () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(100_000), (waiting, nowMillis) => {
        const decision = Batcher.decide(Batcher.standard, { waiting, firstSeenAtMillis: 0 }, nowMillis)
        if (decision._tag === "Fire") expect(decision.size).toBe(Math.min(5_000, waiting))
        else expect(waiting < 1_000 && (waiting === 0 || nowMillis < 30_000)).toBe(true)
      }),
    )
  })

  test("settings that cannot be are refused, with what is wrong", () => {
    expect(() => Batcher.settings({ size: 0 })).toThrow("size must be a whole number from 1, not 0")
    expect(() => Batcher.settings({ size: 5_001 })).toThrow("size (5001) must not be above maxSize (5000)")
    expect(() => Batcher.settings({ atOnce: 1.5 })).toThrow(RangeError)
    expect(() => Batcher.settings({ lingerMillis: -1 })).toThrow(RangeError)
    expect(() => Batcher.settings({ timeoutMillis: 0 })).toThrow(RangeError)
    expect(Batcher.settings({ size: 10 })).toEqual({ ...Batcher.standard, size: 10 })
  })
})
