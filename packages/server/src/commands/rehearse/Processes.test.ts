import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import { afterAll, beforeAll, describe, expect } from "vitest"
import { until } from "./Failure.ts"
import * as Processes from "./Processes.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-processes-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = (name: string, source: string): Processes.ProcessOptions => ({
  name: `the ${name}`,
  command: [process.execPath, "-e", source],
})

const exists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const forever = "setInterval(() => {}, 1000);"

describe("a child process", () => {
  it.live("is gone when its scope closes, also one that will not be asked to go", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const lines: Array<string> = []
      const child = yield* Processes.start({
        ...program("stubborn", `process.on("SIGTERM", () => {}); console.log("up"); ${forever}`),
        onLine: (line) => lines.push(line),
      }).pipe(Scope.extend(scope))
      yield* until(
        "it was up",
        5000,
        Effect.sync(() => lines.includes("up")),
      )
      expect(exists(child.pid)).toBe(true)
      expect(child.isRunning()).toBe(true)
      yield* Scope.close(scope, Exit.fail("anything"))
      expect(exists(child.pid)).toBe(false)
      expect(child.isRunning()).toBe(false)
    }),
  )

  it.live("gives its lines as they come, whole, and leaves all it said in its log", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logFile = join(folder, "talker.log")
      const child = yield* Processes.start({
        logFile,
        ...program(
          "talker",
          `process.stdout.write("one\\ntw"); process.stdout.write("o\\nrest"); console.error("sigh")`,
        ),
        onLine: (line) => lines.push(line),
      })
      expect(yield* child.exited).toBe(0)
      expect(lines).toEqual(["one", "two", "rest"])
      expect(readFileSync(logFile, "utf8").split("\n").sort()).toEqual(["", "one", "rest", "sigh", "two"])
    }).pipe(Effect.scoped),
  )

  it.live("is shown by its last words when it ends by itself", () =>
    Effect.gen(function* () {
      const child = yield* Processes.start(program("quitter", `console.error("no disk"); process.exit(3)`))
      const failure = yield* Effect.flip(Processes.mustRun(child))
      expect(failure.message).toBe(
        "the quitter ended by itself with exit code 3. The last that the quitter said:\n    no disk",
      )
    }).pipe(Effect.scoped),
  )

  it.live("that cannot be started is an error that says so", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Processes.start({ ...program("ghost", ""), command: [join(folder, "no-such-program")] }),
      )
      expect(failure.message).toMatch(/^the ghost could not be started: /)
    }).pipe(Effect.scoped),
  )
})

describe("waiting", () => {
  it.effect("returns as soon as the condition holds, and takes its errors for 'not yet'", () =>
    Effect.gen(function* () {
      let tries = 0
      const condition = Effect.suspend(() => (++tries < 3 ? Effect.fail("refused") : Effect.succeed(true)))
      const waiting = yield* Effect.fork(until("it held", 1000, condition))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)
      expect(tries).toBe(3)
    }),
  )

  it.effect("gives up in time and says what did not happen", () =>
    Effect.gen(function* () {
      const waiting = yield* Effect.fork(Effect.flip(until("the server was ready", 2500, Effect.succeed(false))))
      yield* TestClock.adjust("2600 millis")
      expect((yield* Fiber.join(waiting)).message).toBe("Not within 2.5 s: the server was ready.")
    }),
  )
})
