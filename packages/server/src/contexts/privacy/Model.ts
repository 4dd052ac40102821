/**
 * An erasure: what has to be done, in which order, and where it is.
 *
 * The decision closes the doors and is durable before it is answered: keys, pairings and the profile go with it. What is
 * left is done page by page, each a unit of work that moves the place on, so that a crash repeats a page at the most. The
 * order matters: copies and logs before the announcement, so that everybody hears that the athlete is gone; then once
 * more what contexts keep, and the copies, for what was on its way meanwhile: a group may have failed at the announcement
 * itself. Then the id itself goes, and last the traces on the disk.
 */
import { createHash } from "node:crypto"
import type { AthleteId, Erasure, ErasureProgress } from "@paceline/core/contract"

/** An erasure is stored with the place of its task in here: new ones go to the end. */
export const TASKS = ["contexts", "copies", "log", "readers", "announcement", "leftovers", "late copies"] as const
export type Task = (typeof TASKS)[number]

export interface Running {
  readonly subject: string
  readonly athleteId: AthleteId
  readonly task: Task
  /** Where in the task; null at its beginning. */
  readonly place: string | null
  /** Where the announcement lies in the log. */
  readonly announced: { readonly partition: number; readonly offset: number }
  readonly requestedAtMs: number
}

/** Nothing is left to be found by the athlete's id, and the id is gone as well. */
export interface Nameless {
  readonly subject: string
  readonly requestedAtMs: number
  /** Null until what was deleted is overwritten on the disk. */
  readonly completedAtMs: number | null
}

/** What stays of an athlete: their id cannot be had from it, for it is 60 random bits. */
export const subjectOf = (athleteId: AthleteId): string => createHash("sha256").update(athleteId).digest("hex")

/** So many random bytes make a receipt: it says nothing of whose it is, and cannot be guessed. */
export const RECEIPT_BYTES = 16

export const receiptOf = (random: Uint8Array): string => Buffer.from(random).toString("base64url")

/** What is kept of a receipt. */
export const receiptHashOf = (receipt: string): string => createHash("sha256").update(receipt).digest("hex")

/** The task after this one; null after the last. */
export const after = (task: Task): Task | null => TASKS[TASKS.indexOf(task) + 1] ?? null

const STEPS: Readonly<Record<Task, string>> = {
  contexts: "erasing sessions, points and samples",
  copies: "erasing copies of events that could not be handled",
  log: "redacting the event log",
  readers: "waiting until all consumer groups have heard of it",
  announcement: "redacting the event log: profiles",
  leftovers: "erasing what was on its way meanwhile",
  "late copies": "erasing copies of events that could not be handled meanwhile",
}

export const progress = (erasure: Running | Nameless): ErasureProgress => {
  const { requestedAtMs } = erasure
  if ("task" in erasure) return { status: "running", step: STEPS[erasure.task], requestedAtMs, completedAtMs: null }
  const { completedAtMs } = erasure
  return completedAtMs === null
    ? { status: "running", step: "overwriting what was deleted on the disk", requestedAtMs, completedAtMs }
    : { status: "complete", step: "nothing is left of it", requestedAtMs, completedAtMs }
}

export const view = (athleteId: AthleteId, erasure: Running | Nameless): Erasure => ({
  athleteId,
  ...progress(erasure),
})
