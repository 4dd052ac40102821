/**
 * What is known of a saga: what has happened, what is being tried, and why. Plain JSON data, so that it can be stored,
 * read by a person, and gone on with by another process.
 */
import type { RetrySettings } from "../resilience/Retry.ts"

/** A step that has happened, or may have. */
export interface Done {
  readonly step: string
  /** False when nobody knows: a call that was given up may have reached the other side. */
  readonly certain: boolean
  /** As its schema encodes it; null while it is not certain. */
  readonly result: unknown
  /** It has been compensated, or a person said that it has. */
  readonly undone: boolean
}

/** The step or compensation whose turn it is. */
export interface Trying {
  /** Attempts that have ended and count. */
  readonly attempts: number
  /** When the first attempt began; null before it. */
  readonly firstAtMs: number | null
  /** When the attempt under way began; null when none is. */
  readonly begunAtMs: number | null
  /** The last delay between attempts, in milliseconds. */
  readonly previousMillis: number
  /** An attempt may have reached the other side, and did not come back. */
  readonly inDoubt: boolean
  /** The next attempt is made then, not before. */
  readonly atMs: number
}

/** Why it goes back. */
export type Reason =
  | { readonly _tag: "StepFailed"; readonly step: string; readonly error: string }
  | { readonly _tag: "Cancelled"; readonly why: string }

/** Why a person has to look. */
export interface Parked {
  readonly why: "compensation-failed" | "definition-changed"
  readonly message: string
  /** Where it goes on when a person lets it. */
  readonly from: "forward" | "backward"
}

export type Outcome =
  /** Of an attempt. `interrupted`: the process went away in the middle, or was shut down. */
  | "succeeded"
  | "failed"
  | "interrupted"
  /** Of the saga. */
  | "started"
  | "cancelled"
  | "parked"
  | "retried"
  | "settled"
  | "completed"
  | "compensated"

/** A line of the timeline: an attempt that has ended, or something that happened to the saga as a whole. */
export interface Entry {
  /** Null: the saga as a whole. */
  readonly step: string | null
  readonly action: "run" | "compensate" | null
  /** From 1; 0 where it is no attempt. */
  readonly attempt: number
  /** When it began, milliseconds since the epoch. */
  readonly atMs: number
  readonly endedAtMs: number
  readonly outcome: Outcome
  /** What went wrong, or what a person noted. */
  readonly note: string | null
}

export type Phase = "forward" | "backward" | "parked" | "completed" | "compensated" | "settled"

export interface SagaState {
  /** Of the definition that it was started with. */
  readonly version: number
  /** As its schema encodes it. */
  readonly input: unknown
  readonly startedAtMs: number
  readonly phase: Phase
  readonly done: ReadonlyArray<Done>
  readonly trying: Trying
  readonly reason: Reason | null
  readonly parked: Parked | null
  /** How often it was taken in hand since somebody put it down: 0 in nobody's, above 1 when a holder went away. */
  readonly claims: number
  readonly timeline: ReadonlyArray<Entry>
}

/** What the kernel has to know of a definition. */
export interface Plan {
  readonly version: number
  /** Older versions whose sagas this definition goes on with. */
  readonly continues: ReadonlyArray<number>
  readonly steps: ReadonlyArray<StepPlan>
}

export interface StepPlan {
  readonly name: string
  /** It happens in the unit of work that records it, so there is never a doubt. */
  readonly transactional: boolean
  readonly compensable: boolean
  readonly retry: RetrySettings
  readonly compensationRetry: RetrySettings
}

export const isOver = ({ phase }: SagaState): boolean =>
  phase === "completed" || phase === "compensated" || phase === "settled"
