/**
 * Registration opens, and 10,000 people come at once; one of the messages is poison.
 *
 *   bun examples/mass-registration/main.ts
 *
 * All registrations are in the log before anybody is kept waiting. A consumer group takes them in batches of up to
 * 1000, one unit of work each: 10,000 bibs are given out in a few transactions, each exactly once. Message 6,180 says a
 * year of birth that the rules choke on, every time. It is tried again, alone, while all others pass; then it becomes a
 * dead letter, with everything that a person needs to know. At the end the rule is mended and the letter is replayed.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AggregateStore } from "@paceline/core/consistency"
import { Consumer, DeadLetters, EventLog, Progress } from "@paceline/core/messaging"
import { Effect, Fiber, Logger, LogLevel, Schema } from "effect"
import * as SqliteStore from "../../packages/server/src/adapters/sqlite/SqliteStore.ts"

const PEOPLE = 10_000
const POISON = 6_180
const GROUP = { group: "registrations", topic: "event-registrations-gran-fondo" }

const Registered = Schema.Struct({ athlete: Schema.String, born: Schema.Int })
const Registrations = EventLog.topic(GROUP.topic, Registered)

/** What the rules make of a year of birth. The first version of them did not expect everything that people type. */
const ageGroup = (born: number, mended: boolean): string => {
  const age = 2026 - born
  if (age >= 0 && age < 120) return `${Math.floor(age / 10) * 10}s`
  if (mended) return "to be asked"
  throw new Error(`Nobody is ${age} years old`)
}

/** Gives each athlete a bib, in the unit of work that moves the group's offset. */
const giveBibs = (mended: boolean) =>
  Consumer.run({
    ...GROUP,
    topic: Registrations,
    batch: { size: 1_000, lingerMillis: 200 },
    attempts: 3,
    handle: (batch) =>
      Effect.gen(function* () {
        const store = yield* AggregateStore.AggregateStore
        for (const { event, record } of batch) {
          const state = { athlete: event.athlete, ageGroup: ageGroup(event.born, mended), bib: record.offset + 1 }
          yield* store.insert("bib", event.athlete, { state, dueAtMs: null })
        }
      }),
  })

/** Shows the group's progress until nothing waits, and answers what it came to. */
const watch = Effect.gen(function* () {
  while (true) {
    const progress = yield* Progress.of(GROUP)
    console.log(`  ${Progress.bar(progress, 30)}`)
    if (progress.waiting === 0) return progress
    yield* Effect.sleep("250 millis")
  }
})

const program = Effect.gen(function* () {
  const people = Array.from({ length: PEOPLE }, (_, i) => ({
    key: `athlete-${i}`,
    id: `registration-${i}`,
    event: { athlete: `athlete-${i}`, born: i === POISON ? 2091 : 1946 + (i % 70) },
  }))

  const startedAt = performance.now()
  yield* Effect.forEach(people, (person) => EventLog.publish(Registrations, [person]), { concurrency: "unbounded" })
  console.log(`${PEOPLE} people registered, each with an answer that is on the disk: ${since(startedAt)}`)

  console.log("\nThe group gives out bibs, in batches of up to 1000:")
  const consumer = yield* Effect.fork(giveBibs(false))
  const first = yield* watch
  yield* Fiber.interrupt(consumer)

  const letters = yield* DeadLetters.list(GROUP, { limit: 10 })
  for (const { attempts, error, key, payload } of letters) {
    console.log(`\nDead letter of ${key}: ${JSON.stringify(payload)}`)
    console.log(`  tried ${attempts} times: ${error.split("\n", 1)[0]}`)
  }

  console.log("\nThe rule is mended, and the letter replayed:")
  for (const { id } of letters) yield* DeadLetters.replay(GROUP, id)
  const mended = yield* Effect.fork(giveBibs(true))
  const last = yield* watch
  yield* Fiber.interrupt(mended)

  const store = yield* AggregateStore.AggregateStore
  const bibs = yield* store.count("bib")
  console.log(`\n${bibs} bibs for ${PEOPLE} people, ${since(startedAt)} after the first came.`)
  const asPromised = first.failed === 1 && letters.length === 1 && last.failed === 0 && bibs === PEOPLE
  if (!asPromised) process.exitCode = 1
})

const since = (startedAt: number): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`

const folder = mkdtempSync(join(tmpdir(), "paceline-registration-"))
try {
  await program.pipe(
    Effect.provide(SqliteStore.layer({ folder })),
    // What a consumer warns of is told by the example itself.
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.runPromise,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
