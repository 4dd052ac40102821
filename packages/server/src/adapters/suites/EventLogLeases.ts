/**
 * The part of the event log's suite that tells of the members of one group: how they share the partitions out, and how
 * the store refuses the work of one that lost its share.
 */
import { expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Either, Random } from "effect"
import { ask, change, fresh, type LogServices, type LogTest, numbered, publish, upTo } from "./EventLogServices.ts"

const LONG = 600_000

/** Short enough to wait for, long enough that a busy machine does not lose it between two lines of a test. */
const SHORT = 400

type Leases = ReadonlyArray<EventLog.PartitionLease>

const beat = (member: EventLog.Member, ttlMillis = LONG) => ask((log) => log.heartbeat(member, ttlMillis))

const partitions = (leases: Leases): ReadonlyArray<number> => leases.map(({ partition }) => partition)

/** Beats until the member holds so many partitions. */
const beatUntil = (member: EventLog.Member, count: number): Effect.Effect<Leases, unknown, LogServices> =>
  Effect.repeat(Effect.delay(beat(member), "20 millis"), { until: (leases) => leases.length === count }).pipe(
    Effect.timeout("20 seconds"),
  )

const membersOf = (topic: string, ...names: ReadonlyArray<string>) => {
  const group = fresh("g")
  return { group, members: names.map((name): EventLog.Member => ({ group, topic, member: fresh(name) })) }
}

export const partitionLeases = (test: LogTest): void => {
  test(
    "[log 19] members share the partitions out evenly; one changes hands when its holder gives it back",
    Effect.gen(function* () {
      const topic = "sharded/shares"
      const { members } = membersOf(topic, "a", "b", "c")
      const [a, b, c] = members
      if (a === undefined || b === undefined || c === undefined) return yield* Effect.die("three members")
      const first = yield* beat(a)
      expect(partitions(first)).toEqual(upTo(6))
      expect(first.every(({ takenOver }) => !takenOver)).toBe(true)
      expect(yield* beat(a)).toEqual(first)

      expect(yield* beat(b)).toEqual([])
      const kept = yield* beat(a)
      expect(kept.length).toBe(3)
      for (const lease of kept) expect(first).toContainEqual(lease)
      const got = yield* beat(b)
      expect([...partitions(kept), ...partitions(got)].toSorted()).toEqual(upTo(6))
      for (const { epoch, partition, takenOver } of got) {
        expect(takenOver).toBe(false)
        expect(epoch).toBeGreaterThan(first.find((lease) => lease.partition === partition)?.epoch ?? 0)
      }

      yield* beat(c)
      const shares = [yield* beat(a), yield* beat(b), yield* beat(c)]
      expect(shares.map(({ length }) => length)).toEqual([2, 2, 2])
      expect(shares.flatMap(partitions).toSorted()).toEqual(upTo(6))

      yield* ask((log) => log.leave(b))
      const rest = [yield* beat(a), yield* beat(c)]
      expect(rest.map(({ length }) => length)).toEqual([3, 3])
      expect(rest.flatMap(partitions).toSorted()).toEqual(upTo(6))
      expect(rest.flat().every(({ takenOver }) => !takenOver)).toBe(true)
    }),
  )

  test(
    "two groups on one topic share nothing with each other",
    Effect.gen(function* () {
      const topic = fresh("two groups")
      const [one, two] = [membersOf(topic, "a").members[0], membersOf(topic, "b").members[0]]
      if (one === undefined || two === undefined) return yield* Effect.die("two members")
      expect(partitions(yield* beat(one))).toEqual([0])
      expect(partitions(yield* beat(two))).toEqual([0])
    }),
  )

  test(
    "[log 20] a member whose time is over loses its partitions, and its commit under the old epoch is refused",
    Effect.gen(function* () {
      const topic = fresh("zombie")
      const { group, members } = membersOf(topic, "zombie", "heir")
      const [zombie, heir] = members
      if (zombie === undefined || heir === undefined) return yield* Effect.die("two members")
      yield* publish(topic, numbered(0, 10))
      const [old] = yield* beat(zombie, SHORT)
      const commit = (expected: number, next: number, lease: EventLog.PartitionLease | undefined) =>
        change((log) => log.commit(group, topic, 0, expected, next, lease?.epoch))
      yield* commit(0, 3, old)

      const [taken] = yield* beatUntil(heir, 1)
      expect(taken?.takenOver).toBe(true)
      expect(taken?.epoch).toBeGreaterThan(old?.epoch ?? Number.POSITIVE_INFINITY)
      const effect = fresh("effect")
      const late = UnitOfWork.run(
        Effect.gen(function* () {
          const log = yield* EventLog.EventLog
          yield* log.append(effect, numbered(0, 1))
          yield* log.commit(group, topic, 0, 3, 6, old?.epoch)
        }),
      )
      expect(yield* Effect.flip(late)).toEqual(
        new EventLog.LeaseLost({ group, topic, partition: 0, epoch: old?.epoch ?? 0 }),
      )
      expect(yield* ask((log) => log.read(effect, 0, 0, 9))).toEqual([])
      expect(yield* ask((log) => log.committed(group, topic, 0))).toBe(3)
      expect(yield* beat(zombie)).toEqual([])
      yield* commit(3, 10, taken)
      expect(yield* Effect.flip(commit(10, 10, old))).toBeInstanceOf(EventLog.LeaseLost)
    }),
    30_000,
  )

  test(
    "[log 20] what was given back can no longer be committed, also when nobody took it yet",
    Effect.gen(function* () {
      const topic = fresh("left")
      const { group, members } = membersOf(topic, "a", "b")
      const [a, b] = members
      if (a === undefined || b === undefined) return yield* Effect.die("two members")
      const [lease] = yield* beat(a)
      yield* ask((log) => log.leave(a))
      const commit = change((log) => log.commit(group, topic, 0, 0, 1, lease?.epoch))
      expect(yield* Effect.flip(commit)).toBeInstanceOf(EventLog.LeaseLost)
      const [next] = yield* beat(b)
      expect(next).toMatchObject({ partition: 0, takenOver: false })
      expect(yield* Effect.flip(commit)).toBeInstanceOf(EventLog.LeaseLost)
    }),
  )

  test(
    "a member that is late but was not replaced goes on under its lease",
    Effect.gen(function* () {
      const topic = fresh("late")
      const { group, members } = membersOf(topic, "a")
      const [a] = members
      if (a === undefined) return yield* Effect.die("a member")
      const [lease] = yield* beat(a, 1)
      yield* Effect.sleep("30 millis")
      yield* change((log) => log.commit(group, topic, 0, 0, 1, lease?.epoch))
      expect(yield* beat(a)).toEqual([lease])
    }),
  )

  test(
    "[log 20] epochs go on growing after a group was forgotten",
    Effect.gen(function* () {
      const topic = fresh("forgotten")
      const { group, members } = membersOf(topic, "a", "b")
      const [a, b] = members
      if (a === undefined || b === undefined) return yield* Effect.die("two members")
      const [old] = yield* beat(a)
      yield* change((log) => log.unsubscribe(group, topic))
      const [lease] = yield* beat(b)
      expect(lease).toMatchObject({ partition: 0, takenOver: false })
      expect(lease?.epoch).toBeGreaterThan(old?.epoch ?? Number.POSITIVE_INFINITY)
      const stale = change((log) => log.commit(group, topic, 0, 0, 1, old?.epoch))
      expect(yield* Effect.flip(stale)).toBeInstanceOf(EventLog.LeaseLost)
    }),
  )

  test(
    "[log 19] members that join, leave and vanish in any order lose nothing and handle nothing twice",
    Effect.gen(function* () {
      const topic = "sharded/churn"
      const group = fresh("g")
      const each = 60
      yield* publish(
        topic,
        upTo(5 * each).map((n) => ({ key: `key-${n}`, payload: { n } })),
      )
      const ends = yield* Effect.forEach(upTo(5), (partition) => ask((log) => log.bounds(topic, partition)))
      const handled: ReadonlyArray<Array<number>> = upTo(5).map(() => [])
      /** Handles a few of one partition, after another may have stepped in. */
      const work = (lease: EventLog.PartitionLease, stepIn: Effect.Effect<unknown, unknown, LogServices>) =>
        Effect.gen(function* () {
          const from = yield* ask((log) => log.committed(group, topic, lease.partition))
          const records = yield* ask((log) => log.read(topic, lease.partition, from, 4))
          yield* stepIn
          const next = from + records.length
          const done = change((log) => log.commit(group, topic, lease.partition, from, next, lease.epoch))
          if (Either.isRight(yield* Effect.either(done))) {
            handled[lease.partition]?.push(...records.map(({ offset }) => offset))
          }
        })
      const alive: Array<{ readonly member: EventLog.Member; leases: Leases }> = []
      const join = Effect.sync(() => {
        alive.push({ member: { group, topic, member: fresh("m") }, leases: [] })
      })
      yield* join
      for (const _ of upTo(160)) {
        const dice = yield* Random.nextIntBetween(0, 20)
        const one = alive[yield* Random.nextIntBetween(0, alive.length)]
        if (one === undefined || (dice === 0 && alive.length < 7)) yield* join
        else if (dice === 1) {
          yield* ask((log) => log.leave(one.member))
          alive.splice(alive.indexOf(one), 1)
        } else if (dice === 2) {
          // Vanishes: it said that it lives for another moment only, and goes on believing in its leases.
          yield* beat(one.member, 1)
          alive.splice(alive.indexOf(one), 1)
        } else if (dice < 9) one.leases = yield* beat(one.member, 2000)
        else {
          const lease = one.leases[yield* Random.nextIntBetween(0, Math.max(1, one.leases.length))]
          const other = alive[yield* Random.nextIntBetween(0, alive.length)]
          if (lease !== undefined) yield* work(lease, dice < 14 && other ? beat(other.member, 2000) : Effect.void)
        }
      }
      yield* Effect.forEach(alive, ({ member }) => ask((log) => log.leave(member)))
      const last: EventLog.Member = { group, topic, member: fresh("last") }
      const leases = yield* beatUntil(last, 5)
      for (const lease of leases) {
        while ((handled[lease.partition]?.length ?? 0) < (ends[lease.partition]?.end ?? 0)) {
          yield* work(lease, Effect.void)
        }
      }
      expect(handled).toEqual(ends.map(({ end }) => upTo(end)))
    }).pipe(Effect.withRandom(Random.make("members come and go"))),
    60_000,
  )
}
