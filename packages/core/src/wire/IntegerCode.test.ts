import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ByteReader, unzigzag } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { MAX_RICE_PARAMETER, NARROW, PACKED, RICE, RUNS, smallestCode, VARINT, writeCode, ZERO } from "./IntegerCode.ts"
import { readCode } from "./IntegerCodeReader.ts"

const ALL_CODES = [VARINT, PACKED, RUNS, ...Array.from({ length: MAX_RICE_PARAMETER + 1 }, (_, k) => RICE + k)]

/** Small, large and mixed; many zeros; more than one block. */
const column = fc
  .oneof(
    ...[0, 1, 3, 200, 70_000, NARROW - 1].map((max) =>
      fc.array(fc.oneof({ weight: 3, arbitrary: fc.nat({ max }) }, { weight: 1, arbitrary: fc.constant(0) }), {
        maxLength: 400,
      }),
    ),
    fc.array(fc.oneof({ weight: 20, arbitrary: fc.constantFrom(0, 1, 2) }, fc.nat({ max: NARROW - 1 })), {
      maxLength: 400,
    }),
  )
  .map((zigzags) => Uint32Array.from(zigzags))

const write = (zigzags: Uint32Array, code: number): Uint8Array => {
  const out = new ByteWriter(0)
  writeCode(out, zigzags, zigzags.length, code)
  return out.toBytes()
}

describe("whole numbers around zero", () => {
  test("come back from every code", () => {
    fc.assert(
      fc.property(column, fc.constantFrom(...ALL_CODES), (zigzags, code) => {
        const bytes = write(zigzags, code)
        const input = new ByteReader(bytes)
        const numbers = new Float64Array(zigzags.length)
        readCode(input, zigzags.length, code, numbers)
        expect(Array.from(numbers)).toEqual(Array.from(zigzags, unzigzag))
        expect([input.problem, input.remaining]).toEqual([null, 0])
      }),
      { numRuns: 1000 },
    )
  })

  test("are laid down in the code that is the smallest of all when written, and of the size that was computed", () => {
    fc.assert(
      fc.property(column, (zigzags) => {
        const chosen = smallestCode(zigzags, zigzags.length)
        expect(write(zigzags, chosen.code).length).toBe(chosen.bytes)
        if (chosen.code === ZERO) {
          expect(zigzags.every((zigzag) => zigzag === 0)).toBe(true)
          return
        }
        const others = ALL_CODES.filter((code) => code < RICE).map((code) => write(zigzags, code).length)
        expect(chosen.bytes).toBeLessThanOrEqual(Math.min(...others))
      }),
      { numRuns: 500 },
    )
  })

  test("find the best parameter of Rice where a geometric distribution asks for it", () => {
    const random = seeded(20_261_120)
    for (let k = 0; k <= 20; k++) {
      const zigzags = Uint32Array.from({ length: 1000 }, () => Math.floor(-Math.log(1 - random()) * 1.4 * 2 ** k))
      const chosen = smallestCode(zigzags, zigzags.length)
      const sizes = ALL_CODES.map((code) => write(zigzags, code).length)
      expect(chosen.bytes).toBe(Math.min(...sizes))
    }
  })

  test("that are all zero take nothing, and long runs next to nothing", () => {
    expect(smallestCode(new Uint32Array(5000), 5000)).toEqual({ code: ZERO, bytes: 0 })
    const steps = new Uint32Array(5000)
    steps[4000] = 2
    expect(smallestCode(steps, 5000)).toEqual({ code: RUNS, bytes: 5 })
  })

  test("one outlier costs a Rice column 52 bits, not a thousand", () => {
    const zigzags = new Uint32Array(64).fill(1)
    zigzags[10] = NARROW - 1
    expect(write(zigzags, RICE).length).toBe(Math.ceil((63 * 2 + 52) / 8))
  })

  test.each([
    ["a run beyond the end", RUNS, [6], "a run of 6 zeros"],
    ["a block packed in 33 bits", PACKED, [0, 33], "packed in 33 bits"],
    ["fewer bits than numbers", RICE, [], "5 numbers in 0 bytes"],
    ["a run that is cut short", RUNS, [1], "cut short"],
  ])("%s is a problem", (_, code, bytes, problem) => {
    const input = new ByteReader(new Uint8Array(bytes))
    readCode(input, 5, code, new Float64Array(5))
    expect(input.problem).toMatch(problem)
  })
})

/** Mulberry32. */
const seeded = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
