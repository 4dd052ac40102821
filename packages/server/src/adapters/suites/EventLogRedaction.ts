/** The part of the event log's suite about what must not be kept any more: tombstones in the place of records. */
import { expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { append, change, fresh, type LogTest, numbered, offsets, publish, upTo } from "./EventLogServices.ts"

const everything = { from: 0, to: 1_000_000 }

export const redaction = (test: LogTest): void => {
  test(
    "records of a key are redacted: payload, key, id and headers are gone, offsets and times stay, others are untouched",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = fresh("redacted")
      for (const n of upTo(9)) {
        const own = n % 3 === 1
        const said = { key: own ? "anna" : "bo", payload: { n, who: own ? "anna" : "bo" } }
        yield* append(topic, [{ ...said, id: `${topic}-${n}`, headers: { traceparent: `${n}` } }])
      }
      const before = yield* log.read(topic, 0, 0, 99)
      expect(yield* change((s) => s.redact(topic, 0, "anna", everything))).toBe(3)
      const after = yield* log.read(topic, 0, 0, 99)
      expect(offsets(after)).toEqual(upTo(9))
      expect(after.map(({ appendedAtMs }) => appendedAtMs)).toEqual(before.map(({ appendedAtMs }) => appendedAtMs))
      expect(after.filter(EventLog.isRedacted).map(({ offset }) => offset)).toEqual([1, 4, 7])
      expect(JSON.stringify(after)).not.toMatch(/anna/)
      for (const offset of [1, 4, 7]) expect(after[offset]).toMatchObject({ key: "", payload: null, id: undefined })
      for (const offset of [0, 2, 3, 5, 6, 8]) expect(after[offset]).toEqual(before[offset])
      expect(yield* log.bounds(topic, 0)).toEqual({ start: 0, end: 9 })
      expect(yield* publish(topic, numbered(9, 1))).toEqual([{ partition: 0, offset: 9, duplicate: false }])
      expect(yield* change((s) => s.redact(topic, 0, "anna", everything))).toBe(0)
    }),
  )

  test(
    "redaction goes range by range, is undone with its unit, and forgets the ids of what it took away and no others",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = fresh("redacted/ranges")
      const named = (n: number) => ({ key: "anna", payload: { n }, id: `${topic}-${n}` })
      yield* publish(topic, upTo(6).map(named))
      const redacted = Effect.map(log.read(topic, 0, 0, 99), (records) => offsets(records.filter(EventLog.isRedacted)))
      const range = { from: 1, to: 4 }
      yield* Effect.flip(UnitOfWork.run(Effect.zipRight(log.redact(topic, 0, "anna", range), Effect.fail("refused"))))
      expect(yield* redacted).toEqual([])
      expect(yield* publish(topic, [named(2)])).toMatchObject([{ offset: 2, duplicate: true }])
      expect(yield* change((s) => s.redact(topic, 0, "anna", range))).toBe(3)
      expect(yield* redacted).toEqual([1, 2, 3])
      expect(yield* publish(topic, [named(0), named(2)])).toEqual([
        { partition: 0, offset: 0, duplicate: true },
        { partition: 0, offset: 6, duplicate: false },
      ])
      expect(yield* change((s) => s.redact(fresh("unheard-of"), 0, "anna", everything))).toBe(0)
    }),
  )
}
