import { describe, expect, it } from "@effect/vitest"
import { Context, Data, Effect, Exit, Fiber, Layer, TestClock } from "effect"
import { BreakerOpen, TimeoutExceeded } from "./Errors.ts"
import * as Fallback from "./Fallback.ts"
import { cachedFallback, withSubstitute } from "./promise/Fallback.ts"

class Down extends Data.TaggedError("Down") {}
class Forbidden extends Data.TaggedError("Forbidden") {}

class Weather extends Context.Tag("test/Weather")<Weather, Fallback.CachedFallback<string>>() {}

describe("Fallback as a service", () => {
  it.effect("[resilience 70] the outcome is tagged degraded, with what it stands in for", () =>
    Effect.gen(function* () {
      const or = Fallback.substitute((error: Down) => Effect.succeed(`instead of ${error._tag}`))
      expect(yield* or(Effect.succeed("real"))).toEqual({ _tag: "Fresh", value: "real" })
      expect(yield* or(new Down())).toMatchObject({
        _tag: "Degraded",
        from: "substitute",
        value: "instead of Down",
        error: { _tag: "Down" },
      })
    }),
  )

  it.effect("[resilience 70] no fallback on cancel", () =>
    Effect.gen(function* () {
      let stoodIn = false
      const or = Fallback.substitute(() =>
        Effect.sync(() => {
          stoodIn = true
        }),
      )
      const fiber = yield* Effect.fork(or(Effect.never))
      yield* Effect.yieldNow()
      const exit = yield* Fiber.interrupt(fiber)
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(Exit.isInterrupted(yield* Effect.exit(or(Effect.interrupt)))).toBe(true)
      expect(stoodIn).toBe(false)
    }),
  )

  it.effect("[resilience 70] a failed fallback is reported, with both errors", () =>
    Effect.gen(function* () {
      const or = Fallback.substitute((_: Down) => Effect.fail("the cache is down too"))
      const error = yield* Effect.flip(or(new Down()))
      expect(error).toMatchObject({
        _tag: "FallbackFailed",
        error: { _tag: "Down" },
        fallbackError: "the cache is down too",
      })
    }),
  )

  it.effect("stands in for refusals and timeouts, and not for the caller's own errors or defects", () =>
    Effect.gen(function* () {
      const or = Fallback.substitute((_: unknown) => Effect.succeed("substitute"))
      for (const error of [new BreakerOpen("maps", "open", 0), new TimeoutExceeded(5)]) {
        expect((yield* or(Effect.fail(error)))._tag).toBe("Degraded")
      }
      expect(yield* Effect.exit(or(new Forbidden()))).toEqual(Exit.fail(new Forbidden()))
      expect(yield* Effect.exit(or(Effect.die("defect")))).toEqual(Exit.die("defect"))
    }),
  )

  it.effect("gives the last good answer of the key, while it is young enough", () =>
    Effect.gen(function* () {
      const weather = yield* Weather
      yield* weather.run("Ghent")(Effect.succeed("sunny"))
      yield* TestClock.adjust("1 minute")
      expect(yield* weather.run("Ghent")(new Down())).toMatchObject({
        _tag: "Degraded",
        from: "cache",
        value: "sunny",
        ageMillis: 60_000,
      })
      expect(yield* Effect.exit(weather.run("Bruges")(new Down()))).toEqual(Exit.fail(new Down()))
      yield* TestClock.adjust("1 hour")
      expect(yield* Effect.exit(weather.run("Ghent")(new Down()))).toEqual(Exit.fail(new Down()))
    }).pipe(Effect.provide(Layer.fresh(Fallback.layerConfig(Weather, "weather")))),
  )
})

describe("fallbacks for promises", () => {
  const down = () => Promise.reject(new Error("down"))

  it("[resilience 70] the outcome is tagged degraded; a failed fallback is reported", async () => {
    expect(
      await withSubstitute(
        () => 1,
        () => 2,
      ),
    ).toEqual({ _tag: "Fresh", value: 1 })
    expect(await withSubstitute(down, () => 2)).toMatchObject({ _tag: "Degraded", from: "substitute", value: 2 })
    await expect(withSubstitute(down, () => Promise.reject("too"))).rejects.toMatchObject({
      _tag: "FallbackFailed",
      fallbackError: "too",
    })
  })

  it("[resilience 70] no fallback on cancel", async () => {
    const controller = new AbortController()
    const answer = withSubstitute(
      async () => {
        controller.abort("stop")
        throw new Error("down")
      },
      () => 2,
      controller.signal,
    )
    await expect(answer).rejects.toThrow("down")
    await expect(
      withSubstitute(
        () => Promise.reject(new DOMException("stop", "AbortError")),
        () => 2,
      ),
    ).rejects.toThrow("stop")
  })

  it("gives the last good answer of the key", async () => {
    const weather = cachedFallback<string>()
    await weather.execute("Ghent", () => "sunny")
    expect(await weather.execute("Ghent", down)).toMatchObject({ _tag: "Degraded", from: "cache", value: "sunny" })
    await expect(weather.execute("Bruges", down)).rejects.toThrow("down")
  })
})
