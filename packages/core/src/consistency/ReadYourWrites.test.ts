import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, TestClock } from "effect"
import * as ReadYourWrites from "./ReadYourWrites.ts"
import { WritePosition } from "./WritePosition.ts"

/** A primary, and a replica that follows when it is told to. */
const replicated = () => {
  const at = { written: 0n, visible: 0n }
  const layer = Layer.succeed(WritePosition, {
    written: Effect.sync(() => at.written),
    visible: Effect.sync(() => at.visible),
  })
  return { at, layer }
}

describe("ReadYourWrites", () => {
  it.effect("[log 7] a read on a replica waits until that has what the session wrote", () => {
    const { at, layer } = replicated()
    return Effect.gen(function* () {
      at.written = 0x16_b374_8020n
      const token = yield* ReadYourWrites.token()
      const read = yield* Effect.fork(ReadYourWrites.waitFor(token))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.poll(read)).toMatchObject({ _tag: "None" })
      at.visible = at.written - 1n
      yield* TestClock.adjust("500 millis")
      expect(yield* Fiber.poll(read)).toMatchObject({ _tag: "None" })
      at.visible = at.written
      yield* TestClock.adjust("50 millis")
      yield* Fiber.join(read)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[log 7] fails in time when the replica does not come, and says what is behind", () => {
    const { at, layer } = replicated()
    return Effect.gen(function* () {
      at.written = 9n
      at.visible = 5n
      const token = yield* ReadYourWrites.token()
      const read = yield* Effect.fork(Effect.exit(ReadYourWrites.waitFor(token, { within: "3 seconds" })))
      yield* TestClock.adjust("2999 millis")
      expect(yield* Fiber.poll(read)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 milli")
      const late = new ReadYourWrites.NotYetVisible({ waitedMillis: 3000, behind: ["the store is at 5, not 9"] })
      expect(yield* Fiber.join(read)).toEqual(Exit.fail(late))
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks for what is visible no more often than every 50 ms once it has to wait long", () => {
    let asked = 0
    const layer = Layer.succeed(WritePosition, {
      written: Effect.succeed(1n),
      visible: Effect.sync(() => {
        asked++
        return 0n
      }),
    })
    return Effect.gen(function* () {
      const token = yield* ReadYourWrites.token()
      const read = yield* Effect.fork(Effect.exit(ReadYourWrites.waitFor(token, { within: Duration.seconds(10) })))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(read)
      expect(asked).toBeGreaterThan(150)
      expect(asked).toBeLessThan(250)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[log 7] a token that grew asks for all that the session wrote, in whatever order it was", () => {
    const { at, layer } = replicated()
    return Effect.gen(function* () {
      at.written = 7n
      const first = yield* ReadYourWrites.token()
      // The next write was answered by a primary that was restored from a backup.
      at.written = 3n
      const second = yield* ReadYourWrites.token({ since: first })
      at.visible = 3n
      const wait = (token: ReadYourWrites.SessionToken) => ReadYourWrites.waitFor(token, { within: 0 })
      expect(yield* Effect.exit(wait(second))).toMatchObject({ _tag: "Failure" })
      at.visible = 7n
      yield* wait(second)
    }).pipe(Effect.provide(layer))
  })

  it.effect("refuses what is no token, and waits for nothing without a write", () => {
    const { layer } = replicated()
    return Effect.gen(function* () {
      const forged = ReadYourWrites.SessionToken.make("not-a-token")
      const invalid = new ReadYourWrites.InvalidSessionToken()
      expect(yield* Effect.flip(ReadYourWrites.waitFor(forged))).toEqual(invalid)
      expect(yield* Effect.flip(ReadYourWrites.token({ since: forged }))).toEqual(invalid)
      yield* ReadYourWrites.waitFor(yield* ReadYourWrites.token())
    }).pipe(Effect.provide(layer))
  })
})
