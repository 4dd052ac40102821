import { Either, ParseResult, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as PlainData from "./PlainData.ts"

const Ride = Schema.Struct({
  id: Schema.NonEmptyString,
  metres: Schema.Number,
  rides: Schema.Int,
  done: Schema.Boolean,
  note: Schema.optional(Schema.String),
  coach: Schema.NullOr(Schema.String),
  laps: Schema.Array(Schema.Struct({ metres: Schema.Number })),
  sums: Schema.Record({ key: Schema.String, value: Schema.Number }),
  any: Schema.Unknown,
})
const ride: typeof Ride.Type = {
  id: "r",
  metres: 1.5,
  rides: 2,
  done: true,
  coach: null,
  laps: [{ metres: 1 }, { metres: 2 }],
  sums: { a: 1 },
  any: { whatever: [1] },
}

class Started extends Schema.TaggedClass<Started>()("Started", { at: Schema.Number }) {}
const Message = Schema.Union(
  Schema.TaggedStruct("Told", { text: Schema.String }),
  Schema.TaggedStruct("Asked", { text: Schema.String, urgent: Schema.optional(Schema.Boolean) }),
)
interface Tree {
  readonly name: string
  readonly leaves: ReadonlyArray<Tree>
}
const Tree: Schema.Schema<Tree> = Schema.Struct({
  name: Schema.String,
  leaves: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => Tree)),
})

describe("plain data", () => {
  it("is its own encoding where the schema only says what it must be", () => {
    const told: typeof Message.Type = { _tag: "Told", text: "on your left" }
    const asked: typeof Message.Type = { _tag: "Asked", text: "who pulls?", urgent: true }
    const tree: Tree = { name: "a", leaves: [{ name: "b", leaves: [] }] }
    expect(PlainData.encoder(Ride)(ride)).toBe(ride)
    expect(PlainData.encoder(Message)(told)).toBe(told)
    expect(PlainData.encoder(Message)(asked)).toBe(asked)
    expect(PlainData.encoder(Tree)(tree)).toBe(tree)
    expect(Either.getOrThrow(PlainData.decoder(Ride)(ride))).toBe(ride)
  })

  it("leaves out what the schema does not name, on every level", () => {
    const more = { ...ride, laps: [{ metres: 1, secret: 2 }], secret: 1 }
    const encoded = PlainData.encoder(Ride)(more)
    expect(encoded).toEqual({ ...ride, laps: [{ metres: 1 }] })
    expect(Either.getOrThrow(PlainData.decoder(Ride)(more))).toEqual(encoded)
  })

  it("follows the first member of a union that fits, and what that leaves out", () => {
    const Wide = Schema.Union(
      Schema.Struct({ a: Schema.Number }),
      Schema.Struct({ a: Schema.Number, b: Schema.Number }),
    )
    const value = { a: 1, b: 2 }
    expect(PlainData.encoder(Wide)(value)).toEqual(Schema.encodeSync(Wide)(value))
    expect(PlainData.decoder(Wide)(value)).toEqual(Schema.decodeUnknownEither(Wide)(value))
  })

  it("transforms what has to be: classes, dates, defaults, fallbacks", () => {
    const Dated = Schema.Struct({ at: Schema.Date, started: Started })
    const value: typeof Dated.Type = { at: new Date(0), started: new Started({ at: 1 }) }
    const stored = { at: "1970-01-01T00:00:00.000Z", started: { _tag: "Started", at: 1 } }
    expect(PlainData.encoder(Dated)(value)).toEqual(stored)
    expect(Either.getOrThrow(PlainData.decoder(Dated)(stored)).started).toBeInstanceOf(Started)
    const Defaulted = Schema.Struct({ n: Schema.optionalWith(Schema.Number, { default: () => 7 }) })
    expect(Either.getOrThrow(PlainData.decoder(Defaulted)({}))).toEqual({ n: 7 })
    const Lenient = Schema.Struct({ n: Schema.Number.annotations({ decodingFallback: () => Either.right(7) }) })
    expect(Either.getOrThrow(PlainData.decoder(Lenient)({ n: "x" }))).toEqual({ n: 7 })
  })

  it("makes plain data of an instance that has the fields of a struct", () => {
    class Point {
      readonly metres = 3
      get twice() {
        return 6
      }
    }
    const encoded = PlainData.encoder(Schema.Struct({ metres: Schema.Number }))(new Point())
    expect(Object.getPrototypeOf(encoded)).toBe(Object.prototype)
  })

  it("refuses excess where the schema asks for that", () => {
    const Strict = Schema.Struct({ a: Schema.Number }).annotations({ parseOptions: { onExcessProperty: "error" } })
    expect(Either.isLeft(PlainData.decoder(Strict)({ a: 1, b: 2 }))).toBe(true)
    expect(() => PlainData.encoder(Strict)(Object.assign({ a: 1 }, { b: 2 }))).toThrow(ParseResult.ParseError)
  })

  it("says of what does not fit what Effect says", () => {
    for (const wrong of [
      null,
      [],
      { ...ride, rides: 1.5 },
      { ...ride, id: "" },
      { ...ride, laps: [{}] },
      { id: "r" },
    ]) {
      const [ours, theirs] = [PlainData.decoder(Ride)(wrong), Schema.decodeUnknownEither(Ride)(wrong)]
      expect(Either.isLeft(ours)).toBe(true)
      expect(ours.toString()).toBe(theirs.toString())
    }
  })

  it("comes to what Effect's parser comes to, for any schema and any value", () => {
    const leaf = fc.constantFrom<Schema.Schema.AnyNoContext>(
      Schema.String,
      Schema.Number,
      Schema.Int,
      Schema.Boolean,
      Schema.Null,
      Schema.Literal("a", 1),
      Schema.Unknown,
      Schema.UndefinedOr(Schema.String),
      Schema.NumberFromString,
    )
    const { schema } = fc.letrec<{ schema: Schema.Schema.AnyNoContext }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        leaf,
        tie("schema").map((item) => Schema.Array(item)),
        tie("schema").map((value) => Schema.Record({ key: Schema.String, value })),
        fc.array(tie("schema"), { minLength: 2, maxLength: 3 }).map((members) => Schema.Union(...members)),
        fc
          .tuple(tie("schema"), tie("schema"), fc.boolean())
          .map(([a, b, optional]) => Schema.Struct({ a, b: optional ? Schema.optional(b) : b })),
      ),
    }))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom("a", "1", "", 1, 1.5, Number.NaN, true, null, undefined),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(schema, value, (schema, value) => {
        const decoded = Schema.decodeUnknownEither(schema)(value)
        expect(PlainData.decoder(schema)(value)).toEqual(decoded)
        if (Either.isLeft(decoded)) return
        const encoded = PlainData.encoder(schema)(decoded.right)
        expect(encoded).toEqual(Schema.encodeSync(schema)(decoded.right))
        expect(JSON.parse(JSON.stringify([encoded]))).toEqual(
          JSON.parse(JSON.stringify([Schema.encodeSync(schema)(decoded.right)])),
        )
      }),
      { numRuns: 2_000, seed: 20261120 },
    )
  })
})
