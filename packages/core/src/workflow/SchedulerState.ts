/** What is stored of a schedule, and how it is brought up to date when its program starts. */
import { Effect, Schema } from "effect"
import { standard } from "../kernel/workflow/SteadyTime.ts"
import type { Times } from "./SchedulerTimes.ts"

export const Schedule = Schema.Struct({
  /** As `Times` writes it; null for a task that runs only when asked to. */
  when: Schema.NullOr(Schema.String),
  /** The next nominal time that is not decided on yet; null when there is none. */
  nextMs: Schema.NullOr(Schema.Number),
  /** The nominal time of the last run. */
  lastMs: Schema.NullOr(Schema.Number),
  paused: Schema.Boolean,
  skipped: Schema.Int,
})

export type Schedule = typeof Schedule.Type

// What this library wrote itself, and cannot read, is a defect.
export const read = (state: unknown): Effect.Effect<Schedule> => Effect.orDie(Schema.decodeUnknown(Schedule)(state))

export const kindOf = (scheduler: string): string => `schedule/${scheduler}`

/** A run's identity. */
export const runId = (task: string, nominalMs: number): string => `${task}@${new Date(nominalMs).toISOString()}`

/**
 * The schedule as it is to be now. One that is known goes on where it was, so that what was missed is decided on; one
 * that was changed begins anew. One that was carried into the future by a clock that was far wrong comes back.
 */
export const registered = (
  before: Schedule | undefined,
  times: Times | undefined,
  nowMs: number,
): Effect.Effect<Schedule> =>
  Effect.sync(() => {
    const when = times?.text ?? null
    const fresh = times?.nextAfter(nowMs) ?? null
    if (before === undefined) return { when, nextMs: fresh, lastMs: null, paused: false, skipped: 0 }
    if (before.when !== when || before.nextMs === null) return { ...before, when, nextMs: fresh }
    const { lastMs } = before
    const isBelievable = lastMs === null || lastMs <= nowMs + standard.greatestStepMillis
    const expected = times?.nextAfter(isBelievable ? Math.max(nowMs, lastMs ?? nowMs) : nowMs) ?? null
    return expected !== null && before.nextMs > expected ? { ...before, nextMs: expected } : before
  })

/** What fell into the pause is not made up for; a schedule that this process does not know goes on where it was. */
export const resumed = (schedule: Schedule, times: Times | undefined, nowMs: number): Schedule => ({
  ...schedule,
  paused: false,
  nextMs: times === undefined ? schedule.nextMs : (times.nextAfter(nowMs) ?? null),
})
