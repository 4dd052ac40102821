/** One partition of a topic in memory: records from `start` on, and where it ends. Payloads are kept as JSON text. */
import type { EventLog } from "@paceline/core/messaging"
import { TOMBSTONE } from "../RecordRows.ts"
import type { MemoryUnit, View } from "./UnitOfWork.ts"

export interface Kept {
  readonly key: string
  readonly payload: string
  readonly id: string | undefined
  readonly headers: EventLog.Headers
  readonly appendedAtMs: number
}

export class Partition {
  #records: Array<Kept> = []
  /** The offset of the first record that is kept. */
  #base = 0
  /** The first offset that is there, once the running unit is kept. */
  #start = 0
  /** Where the partition ended, and began, before the unit that is running changed it. */
  #committed: EventLog.Bounds | undefined

  bounds(view: View): EventLog.Bounds {
    if (view === "committed" && this.#committed !== undefined) return this.#committed
    return { start: this.#start, end: this.#base + this.#records.length }
  }

  /** Answers the record's offset. Without a unit it is there at once, and for good. */
  append(record: Kept, unit?: MemoryUnit): number {
    const { end } = this.bounds("unit")
    if (unit !== undefined) {
      this.#remember(unit)
      unit.onRollback(() => {
        this.#records.length = end - this.#base
      })
    }
    this.#records.push(record)
    return end
  }

  slice(from: number, limit: number, view: View): ReadonlyArray<readonly [offset: number, record: Kept]> {
    const { end, start } = this.bounds(view)
    const first = Math.max(from, start)
    return this.#records
      .slice(first - this.#base, Math.min(first + limit, end) - this.#base)
      .map((record, i) => [first + i, record] as const)
  }

  dropBefore(offset: number, unit: MemoryUnit): void {
    const { end, start } = this.bounds("unit")
    this.#remember(unit)
    unit.onRollback(() => {
      this.#start = start
    })
    this.#start = Math.max(start, Math.min(offset, end))
  }

  /** Replaces what the records of a key say; answers how many it were. */
  redact(key: string, range: { readonly from: number; readonly to: number }, unit: MemoryUnit): number {
    const { end, start } = this.bounds("unit")
    let redacted = 0
    for (let offset = Math.max(range.from, start); offset < Math.min(range.to, end); offset++) {
      const record = this.#records[offset - this.#base]
      if (record === undefined || record.key !== key) continue
      const index = offset - this.#base
      unit.onRollback(() => {
        this.#records[index] = record
      })
      this.#records[index] = { ...record, key: "", payload: "null", id: undefined, headers: TOMBSTONE }
      redacted++
    }
    return redacted
  }

  /** The first offset appended at or after `atMs`. Labels need not grow, so it looks at each. */
  offsetAt(atMs: number, view: View): number {
    const { end, start } = this.bounds(view)
    const at = this.slice(start, end - start, view).find(([, { appendedAtMs }]) => appendedAtMs >= atMs)
    return at?.[0] ?? end
  }

  segments(segmentRecords: number, view: View): ReadonlyArray<EventLog.Segment> {
    const { end, start } = this.bounds(view)
    const segments: Array<EventLog.Segment> = []
    for (let firstOffset = start; firstOffset < end; ) {
      const endOffset = Math.min(end, (Math.floor(firstOffset / segmentRecords) + 1) * segmentRecords)
      const newestAtMs = this.#records[endOffset - 1 - this.#base]?.appendedAtMs ?? 0
      segments.push({ firstOffset, endOffset, newestAtMs })
      firstOffset = endOffset
    }
    return segments
  }

  #remember(unit: MemoryUnit): void {
    if (this.#committed !== undefined) return
    this.#committed = this.bounds("unit")
    unit.onEnd(() => {
      this.#committed = undefined
      this.#records.splice(0, this.#start - this.#base)
      this.#base = this.#start
    })
  }
}
