/** What is stored of a job, and under which names. */
import { Effect, Schema } from "effect"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"

const PriorityName = Schema.Literal("high", "middle", "low")

/** A job that waits or runs. */
export const Job = Schema.Struct({
  /** As its schema encodes it. */
  payload: Schema.Unknown,
  priority: PriorityName,
  /** Jobs of one key go to the same worker where the workers are sticky. */
  key: Schema.NullOr(Schema.String),
  uniqueKey: Schema.NullOr(Schema.String),
  enqueuedAtMs: Schema.Number,
  /** When it is to be run, as asked for or after a failure. */
  runAtMs: Schema.Number,
  /** Counted when an attempt begins, so that one that takes the process down counts too. */
  attempts: Schema.Int,
  /** An attempt has begun, and has not come back. */
  begun: Schema.Boolean,
  /** What went wrong last, in words. */
  error: Schema.NullOr(Schema.String),
})

export type Job = typeof Job.Type

/** A job that was given up. */
export const Dead = Schema.Struct({ ...Job.fields, deadAtMs: Schema.Number })
export type Dead = typeof Dead.Type

/** A job that is over. */
export const Finished = Schema.Struct({
  ...Job.fields,
  outcome: Schema.Literal("done", "cancelled"),
  /** As its schema encodes it; null where the queue has none. */
  result: Schema.Unknown,
  finishedAtMs: Schema.Number,
})
export type Finished = typeof Finished.Type

/** Which job a unique key stands for. */
const Unique = Schema.Struct({
  jobId: Schema.String,
  /** Until when it does so even if the job is over. */
  untilMs: Schema.NullOr(Schema.Number),
})

/** The queue as a whole. */
const Control = Schema.Struct({ paused: Schema.Boolean })

export interface QueueStats {
  /** Due, and in nobody's hands; in all and by priority. */
  readonly waiting: number
  readonly waitingByPriority: Readonly<Record<Priority, number>>
  /** In hand, or due later. */
  readonly later: number
  /** How long the one that has waited longest is due. */
  readonly oldestWaitMillis: number
  readonly dead: number
}

// What this library wrote itself, and cannot read, is a defect.
export const readJob = (state: unknown) => Effect.orDie(Schema.decodeUnknown(Job)(state))
export const readDead = (state: unknown) => Effect.orDie(Schema.decodeUnknown(Dead)(state))
export const readFinished = (state: unknown) => Effect.orDie(Schema.decodeUnknown(Finished)(state))
export const readUnique = (state: unknown) => Effect.orDie(Schema.decodeUnknown(Unique)(state))
export const readControl = (state: unknown) => Effect.orDie(Schema.decodeUnknown(Control)(state))

const JOBS = "job/"
const DEAD = "dead-job/"

export const kindOf = (queue: string): string => JOBS + queue
export const deadKindOf = (queue: string): string => DEAD + queue
export const uniqueKindOf = (queue: string): string => `job-unique/${queue}`
export const CONTROL_KIND = "job-queue"

export const ALL_DEAD = DEAD
export const queueOfDead = (kind: string): string => kind.slice(DEAD.length)

export const RANKS = { high: 0, middle: 1, low: 2 } as const satisfies Record<Priority, number>

export const priorityOf = (rank: number): Priority => (rank === 0 ? "high" : rank === 1 ? "middle" : "low")

/** An attempt begins: what a claim marks a job with. */
export const begin = (state: unknown): unknown => {
  const attempts: unknown = Reflect.get(Object(state), "attempts")
  return { ...Object(state), attempts: (typeof attempts === "number" ? attempts : 0) + 1, begun: true }
}

/** The attempt that has begun is taken back: it was not the job's fault that it did not end. */
export const unbegin = (job: Job): Job => ({ ...job, attempts: Math.max(0, job.attempts - 1), begun: false })
