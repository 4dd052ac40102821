import { it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { describe, expect } from "vitest"
import { ProcessFailed } from "./Processes.ts"
import type { Schedule } from "./Schedule.ts"
import { train } from "./Training.ts"

const schedule: Schedule = {
  cuts: [{ kind: "stalled", fromMillis: 1000, untilMillis: 2500 }],
  kills: [
    { victim: "bridge", atMillis: 2000, downMillis: 2000 },
    { victim: "server", atMillis: 3000, downMillis: 100 },
  ],
}

/** Writes down what happens, with the test clock's time in seconds. */
const line = () => {
  const happened: Array<string> = []
  const shown: Array<string> = []
  const tell = (what: string) =>
    Effect.map(TestClock.currentTimeMillis, (now) => void happened.push(`${now / 1000} ${what}`))
  const victim = (name: string) => ({
    killAndRestart: (downMillis: number) =>
      tell(`${name} down`).pipe(Effect.zipRight(Effect.sleep(downMillis)), Effect.zipRight(tell(`${name} up`))),
  })
  return {
    happened,
    shown,
    options: {
      schedule,
      startedAtMs: 500,
      seconds: 5,
      victims: { bridge: victim("bridge"), server: victim("server") },
      network: {
        cut: (kind: string) => void happened.push(`network ${kind}`),
        restore: () => void happened.push("network back"),
      },
      progress: {
        phase: () => {},
        note: () => {},
        end: () => {},
        advance: (share: number, detail: string) => void shown.push(`${share.toFixed(2)} ${detail}`),
      },
      describe: () => "fine",
    },
  }
}

describe("the training", () => {
  it.effect("lets everything happen at its moment, does not wait for restarts, and ends with the straps", () =>
    Effect.gen(function* () {
      const { happened, shown, options } = line()
      const training = yield* Effect.fork(train(options))
      yield* TestClock.adjust("5499 millis")
      expect(happened).toEqual([
        "network stalled",
        "2.5 bridge down",
        "network back",
        "3.5 server down",
        "3.6 server up",
        "4.5 bridge up",
      ])
      expect(training.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(training)
      expect(shown).toContain("0.40 2/5 s · fine · network stalled")
      expect(shown).toContain("0.60 3/5 s · fine")
    }),
  )

  it.effect("fails when a victim cannot be started again", () =>
    Effect.gen(function* () {
      const { options } = line()
      const broken = { killAndRestart: () => new ProcessFailed({ message: "the server could not be started" }) }
      const training = yield* Effect.fork(
        Effect.flip(train({ ...options, victims: { ...options.victims, server: broken } })),
      )
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(training)).message).toBe("the server could not be started")
    }),
  )
})
