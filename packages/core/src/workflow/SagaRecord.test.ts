import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import * as SagaRecord from "./SagaRecord.ts"

const viaText = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** What JSON gives back differently, or not at all, among what it gives back as it is. */
const values = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, new Date(0), new Map([[1, 2]]), () => 1, Symbol("s"), [undefined], {
    toJSON: () => "told",
  }),
)
const keys = fc.oneof(fc.string(), fc.constantFrom("__proto__", "toJSON", "1"))
const objects = fc.array(fc.tuple(keys, values)).map((entries) => Object.fromEntries(entries))

describe("what is stored of a saga", () => {
  it("is seen in the process that stored it as any other reads it", () => {
    fc.assert(
      fc.property(fc.oneof(objects, fc.object(), fc.array(objects)), (encoded) => {
        expect(SagaRecord.asRead(encoded)).toStrictEqual(viaText(encoded))
      }),
      { numRuns: 500 },
    )
  })

  it("is a copy, and of an object with a prototype only what JSON keeps", () => {
    const encoded = { n: 1 }
    expect(SagaRecord.asRead(encoded)).not.toBe(encoded)
    class Seat {
      readonly n = 1
      toJSON(): unknown {
        return { seat: this.n }
      }
    }
    expect(SagaRecord.asRead(new Seat())).toEqual({ seat: 1 })
    expect(SagaRecord.asRead(Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }))).toStrictEqual({
      own: 2,
    })
    expect(() => SagaRecord.asRead({ big: 1n })).toThrow(TypeError)
  })
})
