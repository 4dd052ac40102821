/**
 * The rounds of the crash harness. In each a victim works on a real store, something cruel happens to it, and then the
 * store is opened and held to its invariants. All is chosen by a seed.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { type EventLog, Progress } from "@paceline/core/messaging"
import { Effect, type Layer, Option, Random, Redacted, Schedule } from "effect"
import * as PostgresStore from "../../src/adapters/postgres/PostgresStore.ts"
import * as SqliteStore from "../../src/adapters/sqlite/SqliteStore.ts"
import * as Bank from "./Bank.ts"
import { check } from "./Invariants.ts"
import { answeredBefore, cutPower, type DropModel, readOperations } from "./power/Disk.ts"
import { NUMBERS_A_LIFE, type Orders } from "./Victim.ts"
import { victim } from "./Victims.ts"

export interface Outcome {
  readonly rounds: number
  /** What was acknowledged in all rounds, and was there. */
  readonly acknowledged: number
  /** Empty when all is well. */
  readonly problems: ReadonlyArray<string>
}

/** A life is checked and its store thrown away after so many rounds, so that checking stays quick. */
const ROUNDS_A_STORE = 15

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-crash-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const sqlite = (path: string) => SqliteStore.layer({ folder: path, topics: Bank.TOPICS })

const postgres = (url: string) => PostgresStore.layer({ url: Redacted.make(url), topics: Bank.TOPICS })

const held = <E>(
  store: Layer.Layer<AggregateStore.AggregateStore | EventLog.EventLog | UnitOfWork, E>,
  acknowledged: ReadonlySet<number>,
  round: string,
) =>
  Effect.map(Effect.provide(check(acknowledged), store), ({ problems }) =>
    problems.slice(0, 5).map((problem) => `${round}: ${problem}`),
  )

/** Numbers around the last that was answered: some of them were done, some not, and nobody can tell which. */
const unsure = (answered: ReadonlySet<number>, life: number): ReadonlyArray<number> => {
  const first = life * NUMBERS_A_LIFE
  const newest = Math.max(first, ...Array.from(answered, (number) => number % Bank.BATCH_MARK))
  return Array.from({ length: 30 }, (_, i) => newest - 15 + i).filter((number) => number >= first)
}

/** Killed at a random moment; in some rounds stopped for a while before, so that its leases run out. */
export const kills = (rounds: number) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    let acknowledged = 0
    for (let done = 0; done < rounds; done += ROUNDS_A_STORE) {
      const lives = Math.min(ROUNDS_A_STORE, rounds - done)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const path = yield* folder
          const answered = new Set<number>()
          let again: ReadonlyArray<number> = []
          for (let life = 0; life < lives; life++) {
            const store = { engine: "sqlite", folder: path } as const
            const own = yield* killed({ store, life, again, millis: 20_000 })
            for (const number of own) answered.add(number)
            again = unsure(own, life)
            problems.push(...(yield* held(sqlite(path), answered, `kill ${done + life}`)))
          }
          acknowledged += answered.size
        }),
      )
    }
    return { rounds, acknowledged, problems } satisfies Outcome
  })

const killed = (orders: Orders) =>
  Effect.scoped(
    Effect.gen(function* () {
      const running = yield* victim(orders)
      yield* Effect.promise(() => running.ready)
      yield* Effect.sleep(yield* Random.nextRange(5, 250))
      if ((yield* Random.next) < 0.1) {
        running.signal("SIGSTOP")
        yield* Effect.sleep(yield* Random.nextRange(100, 1_500))
        running.signal("SIGCONT")
        yield* Effect.sleep(yield* Random.nextRange(5, 100))
      }
      running.signal("SIGKILL")
      yield* Effect.promise(() => running.ended)
      return running.answered
    }),
  )

/** The power goes: what was not flushed is lost, all of it or any part. */
export const powerCuts = (cuts: number) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    let acknowledged = 0
    const runs = Math.ceil(cuts / 100)
    for (let run = 0; run < runs; run++) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const work = yield* folder
          const log = join(yield* folder, "writes")
          const store = { engine: "sqlite", folder: join(work, "data"), record: log } as const
          mkdirSync(store.folder)
          const running = yield* victim({ store, life: 0, again: [], millis: 2_600 })
          yield* Effect.promise(() => running.ended)
          const operations = readOperations(log)
          acknowledged += running.answered.size
          for (let i = 0; i < Math.ceil(cuts / runs); i++) {
            const cut = yield* Random.nextIntBetween(0, operations.length + 1)
            const model: DropModel = i % 2 === 0 ? "nothing" : "some"
            const image = join(work, "image")
            const random = yield* randomNumbers
            cutPower(operations, cut, model, random, image)
            const answered = new Set(answeredBefore(operations, cut))
            const round = `power cut ${run}/${i} at ${cut} of ${operations.length}, ${model} of it kept`
            problems.push(...(yield* held(sqlite(image), answered, round)))
            rmSync(image, { recursive: true, force: true })
          }
        }),
      )
    }
    return { rounds: cuts, acknowledged, problems } satisfies Outcome
  })

/** Numbers from 0 up to 1 for code that is no Effect, from a seed that the random service gave. */
export const randomNumbers = Effect.map(Random.nextInt, (seed) => {
  let state = seed | 0
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    const mixed = Math.imul(state ^ (state >>> 15), state | 1)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
})

/** The disk fills up in the middle of work, and then there is room again. */
export const fullDisks = (rounds: number) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    let acknowledged = 0
    for (let round = 0; round < rounds; round++) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const path = yield* folder
          const maxPageCount = yield* Random.nextIntBetween(120, 400)
          const store = { engine: "sqlite", folder: path, maxPageCount } as const
          const cramped = yield* victim({ store, life: 0, again: [], millis: 20_000 })
          yield* Effect.promise(() => cramped.fullOften)
          // Who asks again on a full disk is refused again, and what is read still answers.
          yield* Effect.sleep(200)
          cramped.signal("SIGKILL")
          yield* Effect.promise(() => cramped.ended)
          const answered = new Set(cramped.answered)
          problems.push(...(yield* held(sqlite(path), answered, `full disk ${round}`)))
          const after = { engine: "sqlite", folder: path } as const
          const roomy = yield* victim({ store: after, life: 1, again: unsure(answered, 0), millis: 500 })
          yield* Effect.promise(() => roomy.ended)
          if (roomy.answered.size === 0) problems.push(`full disk ${round}: with room again, nothing went on`)
          for (const number of roomy.answered) answered.add(number)
          problems.push(...(yield* held(sqlite(path), answered, `full disk ${round}, with room again`)))
          acknowledged += answered.size
        }),
      )
    }
    return { rounds, acknowledged, problems } satisfies Outcome
  })

/** The group works on until nothing is left for it. */
const toItsEnd = Effect.raceFirst(
  Bank.keepLedger,
  Effect.repeat(Progress.of({ group: Bank.GROUP, topic: Bank.Transfers.name }), {
    until: ({ waiting }) => waiting === 0,
    schedule: Schedule.spaced("50 millis"),
  }),
).pipe(Effect.timeoutOption("20 seconds"))

/**
 * Two nodes on one PostgreSQL: one is killed, or stopped for longer than its leases and then continued. The other takes
 * over, and afterwards nothing is left behind.
 */
export const twoNodes = (rounds: number, database: Effect.Effect<string>) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    let acknowledged = 0
    for (let round = 0; round < rounds; round++) {
      const url = yield* database
      const { answered, log } = yield* Effect.scoped(
        Effect.gen(function* () {
          const store = { engine: "postgres", url } as const
          const nodes = yield* Effect.all(
            [0, 1].map((life) => victim({ store, life, again: [], millis: 4_500 })),
            { concurrency: 2 },
          )
          yield* Effect.promise(() => Promise.all(nodes.map(({ ready }) => ready)))
          yield* Effect.sleep(yield* Random.nextRange(100, 1_200))
          if ((yield* Random.next) < 0.5) {
            nodes[0]?.signal("SIGKILL")
          } else {
            nodes[0]?.signal("SIGSTOP")
            yield* Effect.sleep(yield* Random.nextRange(1_200, 2_000))
            nodes[0]?.signal("SIGCONT")
          }
          yield* Effect.promise(() => Promise.all(nodes.map(({ ended }) => ended)))
          return {
            answered: new Set(nodes.flatMap((node) => Array.from(node.answered))),
            log: nodes.flatMap((node, i) => node.log.map((line) => `node ${i}: ${line}`)),
          }
        }),
      )
      acknowledged += answered.size
      const found = yield* held(postgres(url), answered, `two nodes ${round}`)
      const end = yield* Effect.provide(toItsEnd, postgres(url))
      if (Option.isNone(end)) found.push(`two nodes ${round}: the group does not come to its end`)
      found.push(...(yield* held(postgres(url), answered, `two nodes ${round}, at its end`)))
      problems.push(...found, ...(found.length > 0 ? log : []))
    }
    return { rounds, acknowledged, problems } satisfies Outcome
  })
