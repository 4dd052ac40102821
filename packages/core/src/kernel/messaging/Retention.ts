/**
 * What may leave the log: whole segments whose newest record is old enough, and that every known group has read.
 *
 * The last segment of a partition is still being written and stays. A group that has not read a segment holds it, and
 * all after it, unless `dropUnread` is set; then what it misses is told, to be shown where its lag is.
 *
 * @example
 * const plan = Retention.plan(segments, groups, nowMs, Retention.standard)
 * if (plan.dropBefore !== null) … // plan.skipped says who misses what
 */

export interface RetentionSettings {
  /** A segment stays until its newest record is so old, milliseconds. */
  readonly keepMillis: number
  /** Drop also what a group has not read. */
  readonly dropUnread: boolean
}

/** Seven days, and nothing that is unread. */
export const standard: RetentionSettings = { keepMillis: 7 * 24 * 3_600_000, dropUnread: false }

export interface Segment {
  readonly firstOffset: number
  readonly endOffset: number
  readonly newestAtMs: number
}

export interface Reader {
  readonly group: string
  readonly committed: number
}

/** Offsets from `from` up to `to`, `to` not included, that a group will never see. */
export interface Skipped {
  readonly group: string
  readonly from: number
  readonly to: number
}

export interface RetentionPlan {
  /** Drop what lies before this offset, the end of a segment; null: nothing. */
  readonly dropBefore: number | null
  readonly segments: number
  readonly skipped: ReadonlyArray<Skipped>
  /** Those that were old enough and stay, because these groups have not read them. */
  readonly held: { readonly segments: number; readonly groups: ReadonlyArray<string> }
}

/** @param segments the partition's segments in order, the last one being written */
export const plan = (
  segments: ReadonlyArray<Segment>,
  groups: ReadonlyArray<Reader>,
  nowMs: number,
  settings: RetentionSettings,
): RetentionPlan => {
  const closed = segments.slice(0, -1)
  const young = closed.findIndex(({ newestAtMs }) => nowMs - newestAtMs < settings.keepMillis)
  const old = young === -1 ? closed : closed.slice(0, young)
  const slowest = Math.min(...groups.map(({ committed }) => committed))
  const dropped = settings.dropUnread ? old : old.filter(({ endOffset }) => endOffset <= slowest)
  const dropBefore = dropped.at(-1)?.endOffset ?? null
  const start = segments[0]?.firstOffset ?? 0
  const heldUpTo = dropped.length < old.length ? (old[dropped.length]?.endOffset ?? 0) : 0
  return {
    dropBefore,
    segments: dropped.length,
    skipped:
      dropBefore === null
        ? []
        : groups
            .filter(({ committed }) => committed < dropBefore)
            .map(({ committed, group }) => ({ group, from: Math.max(start, committed), to: dropBefore })),
    held: {
      segments: old.length - dropped.length,
      groups: groups.filter(({ committed }) => committed < heldUpTo).map(({ group }) => group),
    },
  }
}
