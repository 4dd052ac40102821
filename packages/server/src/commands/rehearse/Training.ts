/**
 * The class trains while the schedule happens: cuts and kills at their moments, on the clock of the straps'
 * playback, until the straps have said their last.
 */
import { Clock, Effect, Schedule as Every, Fiber } from "effect"
import type { ProcessFailed } from "./Processes.ts"
import type { Progress } from "./Progress.ts"
import * as Schedule from "./Schedule.ts"
import type { Supervised } from "./Supervised.ts"
import type { TcpProxy } from "./TcpProxy.ts"

export interface TrainingOptions {
  readonly schedule: Schedule.Schedule
  /** When the playback begins, milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly seconds: number
  readonly victims: Readonly<Record<Schedule.Victim, Pick<Supervised, "killAndRestart">>>
  readonly network: Pick<TcpProxy, "cut" | "restore">
  readonly progress: Progress
  /** A few words on how it goes, for a person. */
  readonly describe: () => string
}

export const train = (options: TrainingOptions): Effect.Effect<void, ProcessFailed> =>
  Effect.gen(function* () {
    const { schedule, startedAtMs, seconds, victims, network, progress } = options
    yield* Effect.forkScoped(Effect.repeat(show(options), Every.spaced("100 millis")))
    const restarts: Array<Fiber.Fiber<void, ProcessFailed>> = []
    for (const moment of Schedule.moments(schedule)) {
      yield* sleepUntil(startedAtMs + moment.atMillis)
      switch (moment._tag) {
        case "Cut":
          network.cut(moment.kind)
          break
        case "Restore":
          network.restore()
          break
        case "Kill":
          progress.note(`after ${(moment.atMillis / 1000).toFixed(1)} s the ${moment.victim} is killed`)
          // The schedule goes on while the victim is down.
          restarts.push(yield* Effect.fork(victims[moment.victim].killAndRestart(moment.downMillis)))
      }
    }
    yield* Fiber.joinAll(restarts)
    yield* sleepUntil(startedAtMs + seconds * 1000)
  }).pipe(Effect.scoped)

const sleepUntil = (atMs: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(Math.max(0, atMs - now)))

const show = ({ startedAtMs, seconds, schedule, progress, describe }: TrainingOptions): Effect.Effect<void> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const passed = Math.max(0, now - startedAtMs)
    const cut = schedule.cuts.find(({ fromMillis, untilMillis }) => fromMillis <= passed && passed < untilMillis)
    const network = cut === undefined ? "" : ` · network ${cut.kind}`
    progress.advance(passed / (seconds * 1000), `${(passed / 1000).toFixed(0)}/${seconds} s · ${describe()}${network}`)
  })
