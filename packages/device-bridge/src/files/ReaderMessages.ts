/**
 * What the thread that reads and the thread that asks say to each other: one answer to each question, so that neither
 * runs ahead. An activity comes in slices of its samples, because a whole one would block the asking thread while it
 * is put together.
 */
import type { Activity, FileUnreadable } from "./Activity.ts"
import type { ActivitySource, FileOutcome, ReadLimits } from "./ReadSource.ts"

export type Question =
  | { readonly _tag: "Read"; readonly source: ActivitySource; readonly limits: ReadLimits }
  | { readonly _tag: "Next" }

export type Answer =
  /** The thread is there. Said unasked, first. */
  | { readonly _tag: "Ready" }
  | {
      readonly _tag: "Unreadable"
      readonly name: string
      readonly sha256: string | null
      readonly error: FileUnreadable
    }
  /** An activity, its columns empty. Its slices follow, then `Whole`. */
  | { readonly _tag: "Outline"; readonly name: string; readonly sha256: string | null; readonly activity: Activity }
  /** What comes next in one column: of `streams` first, then of `custom`. */
  | { readonly _tag: "Slice"; readonly column: number; readonly atMillis: Float64Array; readonly values: Float64Array }
  | { readonly _tag: "Whole" }
  /** There are no more files in the source. */
  | { readonly _tag: "End"; readonly passedOver: number }

/** Some tenths of a millisecond to put together. */
const SLICE_SAMPLES = 8_192

/** What is said of one file. */
export function* answersOf({ name, sha256, result }: FileOutcome): Generator<Answer> {
  if ("_tag" in result) return yield { _tag: "Unreadable", name, sha256, error: result }
  const columns = [...result.streams, ...result.custom]
  const activity: Activity = {
    ...result,
    streams: result.streams.map(({ kind }) => ({ kind, atMillis: [], values: [] })),
    custom: result.custom.map(({ name, unit }) => ({ name, unit, atMillis: [], values: [] })),
  }
  yield { _tag: "Outline", name, sha256, activity }
  for (const [column, { atMillis, values }] of columns.entries()) {
    for (let from = 0; from < values.length; from += SLICE_SAMPLES) {
      const to = from + SLICE_SAMPLES
      yield {
        _tag: "Slice",
        column,
        atMillis: Float64Array.from(atMillis.slice(from, to)),
        values: Float64Array.from(values.slice(from, to)),
      }
    }
  }
  yield { _tag: "Whole" }
}

/** Puts the answers together again: gives each file when it is whole. */
export class Assembly {
  #outline: (FileOutcome & { readonly result: Activity }) | null = null
  #columns: Array<{ readonly atMillis: Array<number>; readonly values: Array<number> }> = []

  take(answer: Answer): FileOutcome | null {
    switch (answer._tag) {
      case "Unreadable":
        return { name: answer.name, sha256: answer.sha256, result: answer.error }
      case "Outline": {
        const { name, sha256, activity } = answer
        this.#columns = [...activity.streams, ...activity.custom].map(() => ({ atMillis: [], values: [] }))
        this.#outline = { name, sha256, result: activity }
        return null
      }
      case "Slice": {
        const column = this.#columns[answer.column]
        for (const at of answer.atMillis) column?.atMillis.push(at)
        for (const value of answer.values) column?.values.push(value)
        return null
      }
      case "Whole": {
        if (this.#outline === null) return null
        const { name, sha256, result } = this.#outline
        const { streams, custom } = result
        const columns = this.#columns
        this.#outline = null
        return {
          name,
          sha256,
          result: {
            ...result,
            streams: streams.map((stream, i) => ({ ...stream, ...columns[i] })),
            custom: custom.map((stream, i) => ({ ...stream, ...columns[streams.length + i] })),
          },
        }
      }
      case "Ready":
      case "End":
        return null
    }
  }
}
