/**
 * Starts sleepers of one to ten minutes and prints what each took, as `[bytes, nanoseconds]`: the growth of the
 * process's resident memory, and the time to start. Each is to call a function of its own when its time comes.
 * `million-waiting.ts wheel|fibers COUNT`
 */
import { Timers } from "@paceline/core/kernel"
import { Effect } from "effect"

const [who, howMany] = process.argv.slice(2)
const sleepers = Number(howMany)

let woken = 0
const delayOf = (i: number): number => 60_000 + ((i * 7_919) % 540_000)

const onTheWheel = (): void => {
  const timers = Timers.make({
    now: () => performance.now(),
    wakeAfter: (millis, wake) => {
      const timer = setTimeout(wake, millis)
      return () => clearTimeout(timer)
    },
  })
  for (let i = 0; i < sleepers; i++) {
    Timers.after(timers, delayOf(i), () => {
      woken += i
    })
  }
}

const asFibers = async (): Promise<void> => {
  const start = Effect.gen(function* () {
    for (let i = 0; i < sleepers; i++) {
      yield* Effect.forkDaemon(
        Effect.zipRight(
          Effect.sleep(delayOf(i)),
          Effect.sync(() => {
            woken += i
          }),
        ),
      )
    }
  })
  await Effect.runPromise(start)
  // The last fibers have been forked; let them reach their sleep.
  await Effect.runPromise(Effect.yieldNow())
}

const memory = process.memoryUsage().rss
const before = performance.now()
if (who === "wheel") onTheWheel()
else await asFibers()
const nanoseconds = (performance.now() - before) * 1e6
const bytes = process.memoryUsage().rss - memory
console.log(JSON.stringify([bytes / sleepers, nanoseconds / sleepers]))
process.exit(woken === 0 ? 0 : 1)
