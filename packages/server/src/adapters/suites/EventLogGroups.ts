/** The part of the event log's suite that tells of consumer groups: how far each has read. */
import { expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Exit } from "effect"
import { append, ask, change, fresh, type LogTest, numbered, upTo } from "./EventLogServices.ts"

const commit = (group: string, topic: string, expected: number, next: number) =>
  change((log) => log.commit(group, topic, 0, expected, next))

const committed = (group: string, topic: string) => ask((log) => log.committed(group, topic, 0))

const lagOf = (group: string) =>
  Effect.map(
    ask((log) => log.lag),
    (lag) => lag.filter((one) => one.group === group),
  )

export const consumerGroups = (test: LogTest): void => {
  test(
    "an offset moves only from where it is said to be, and only if its unit commits",
    Effect.gen(function* () {
      const [group, topic] = [fresh("g"), fresh("offset")]
      const moved = (expected: number, actual: number) =>
        new EventLog.OffsetMoved({ group, topic, partition: 0, expected, actual })
      expect(yield* committed(group, topic)).toBe(0)
      expect(yield* Effect.flip(commit(group, topic, 3, 4))).toEqual(moved(3, 0))
      yield* commit(group, topic, 0, 5)
      expect(yield* Effect.flip(commit(group, topic, 0, 6))).toEqual(moved(0, 5))
      yield* Effect.flip(
        UnitOfWork.run(
          Effect.zipRight(
            ask((log) => log.commit(group, topic, 0, 5, 9)),
            Effect.fail("refused"),
          ),
        ),
      )
      expect(yield* committed(group, topic)).toBe(5)
    }),
  )

  test(
    "of those that commit the same offset at the same time, one moves it and the others are told",
    Effect.gen(function* () {
      const [group, topic] = [fresh("g"), fresh("race")]
      const exits = yield* Effect.all(
        upTo(5).map((i) => Effect.exit(commit(group, topic, 0, i + 1))),
        { concurrency: "unbounded" },
      )
      expect(exits.filter(Exit.isSuccess).length).toBe(1)
      expect(yield* committed(group, topic)).toBe(exits.findIndex(Exit.isSuccess) + 1)
    }),
  )

  test(
    "[log 21] two groups are independent",
    Effect.gen(function* () {
      const topic = fresh("independent")
      const [one, two, three] = [fresh("one"), fresh("two"), fresh("three")]
      yield* append(topic, numbered(0, 5))
      yield* commit(one, topic, 0, 5)
      yield* commit(two, topic, 0, 2)
      yield* change((log) => log.seek(two, topic, 0, 1))
      yield* change((log) => log.unsubscribe(three, topic))
      expect(yield* committed(one, topic)).toBe(5)
      expect(yield* committed(two, topic)).toBe(1)
      expect(yield* committed(three, topic)).toBe(0)
    }),
  )

  test(
    "[log 22] a group seeks back to an offset and reads the same records again; who was reading there is told",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const [group, topic] = [fresh("g"), fresh("seek")]
      yield* append(topic, numbered(0, 5))
      const before = yield* log.read(topic, 0, 2, 10)
      yield* commit(group, topic, 0, 5)
      yield* change((s) => s.seek(group, topic, 0, 2))
      expect(yield* Effect.flip(commit(group, topic, 5, 5))).toBeInstanceOf(EventLog.OffsetMoved)
      const from = yield* committed(group, topic)
      expect(from).toBe(2)
      expect(yield* log.read(topic, 0, from, 10)).toEqual(before)
      yield* commit(group, topic, 2, 5)
      yield* commit(group, topic, 5, 1)
      expect(yield* committed(group, topic)).toBe(1)
      const another = fresh("never read")
      yield* change((s) => s.seek(another, topic, 0, 3))
      expect(yield* committed(another, topic)).toBe(3)
    }),
  )

  test(
    "[log 22] a seek whose unit fails moved nothing",
    Effect.gen(function* () {
      const [group, topic] = [fresh("g"), fresh("seek")]
      yield* commit(group, topic, 0, 5)
      const failing = UnitOfWork.run(
        Effect.zipRight(
          ask((log) => log.seek(group, topic, 0, 2)),
          Effect.fail("refused"),
        ),
      )
      expect(yield* Effect.flip(failing)).toBe("refused")
      expect(yield* committed(group, topic)).toBe(5)
    }),
  )

  test(
    "lag tells of every group that subscribed, from its first record on, until it unsubscribes",
    Effect.gen(function* () {
      const [group, topic] = [fresh("g"), fresh("lag")]
      const both = (subscribe: "subscribe" | "unsubscribe") =>
        Effect.forEach([topic, "sharded/lag"], (name) => change((log) => log[subscribe](group, name)))
      expect(yield* lagOf(group)).toEqual([])
      yield* both("subscribe")
      yield* append(topic, numbered(0, 3))
      const lag = { group, topic, partition: 0, committed: 0, start: 0, end: 3 }
      const ofTopic = Effect.map(lagOf(group), (all) => all.filter((one) => one.topic === topic))
      expect(yield* ofTopic).toEqual([lag])
      expect((yield* lagOf(group)).map(({ partition, topic }) => [topic, partition])).toEqual([
        [topic, 0],
        ...upTo(4).map((partition) => ["sharded/lag", partition]),
      ])
      yield* commit(group, topic, 0, 2)
      yield* change((log) => log.subscribe(group, topic))
      expect(yield* ofTopic).toEqual([{ ...lag, committed: 2 }])
      yield* both("unsubscribe")
      expect(yield* lagOf(group)).toEqual([])
      expect(yield* committed(group, topic)).toBe(0)
    }),
  )
}
