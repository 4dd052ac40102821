/** What this server does by the clock: its one scheduler, on which the daily backup is a task. */
import type { ScheduledTask } from "@paceline/core/contract"
import { Scheduler } from "@paceline/core/workflow"
import { Context, Effect, Layer } from "effect"

export class Schedules extends Context.Tag("paceline/gateway/operations/Schedules")<Schedules, Scheduler.Scheduler>() {}

export const layer = Layer.scoped(Schedules, Scheduler.make({ name: "server" }))

/** Each task, when it comes next, and what became of it last. */
export const list = Effect.gen(function* () {
  const scheduler = yield* Schedules
  const tasks = yield* scheduler.list
  return tasks.map(
    ({ last, lastMs, nextMs, paused, skipped, task, when }): ScheduledTask => ({
      task,
      when: when ?? null,
      nextAtMs: nextMs ?? null,
      lastAtMs: lastMs ?? null,
      last: last ?? null,
      paused,
      skipped,
    }),
  )
})
