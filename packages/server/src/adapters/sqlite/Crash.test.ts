/** What is left when the process is killed at any moment, or the write-ahead log is torn. Real processes, real kills. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Random } from "effect"
import { BATCH, DELIVERIES, Published } from "../suites/CrashVictim.ts"
import * as SqliteStore from "./SqliteStore.ts"

const VICTIM = join(import.meta.dirname, "../suites/CrashVictim.ts")

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-crash-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const opened = <A, E>(path: string, body: Effect.Effect<A, E, SqliteStore.Provided>) =>
  Effect.provide(body, SqliteStore.layer({ folder: path }))

/** Starts a victim; it is killed at the latest when the scope closes. */
const victim = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => Bun.spawn([process.execPath, VICTIM, ...args], { stdout: "pipe", stderr: "inherit" })),
    (child) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      }),
  )

/** Reads what it prints until it has printed `count` lines, kills it, and gives all that it ever printed. */
const killAfterLines = (child: Bun.Subprocess<"ignore", "pipe", "inherit">, count: number) =>
  Effect.promise(async () => {
    let text = ""
    for await (const bytes of child.stdout) {
      text += new TextDecoder().decode(bytes)
      if (text.split("\n").length > count) child.kill("SIGKILL")
    }
    await child.exited
    return text.split("\n").slice(0, -1)
  })

const records = Effect.flatMap(EventLog.EventLog, (log) => log.read(Published.name, 0, 0, 1_000_000))

const publish = (batches: number) =>
  Effect.forEach(
    Array.from({ length: batches }, (_, batch) => batch),
    (batch) =>
      UnitOfWork.run(
        EventLog.append(
          Published,
          Array.from({ length: BATCH }, (_, i) => ({ key: "k", event: { batch, i } })),
        ),
      ),
    { discard: true },
  )

const effects = Effect.gen(function* () {
  const sql = yield* SqlClient
  return (yield* sql<{ n: number }>`SELECT n FROM effect ORDER BY n`).map(({ n }) => n)
})

const upTo = (end: number): ReadonlyArray<number> => Array.from({ length: end }, (_, i) => i)

const deliveries = (path: string): ReadonlyArray<number> =>
  readFileSync(join(path, DELIVERIES), "utf8").trim().split("\n").map(Number)

const integrity = Effect.flatMap(SqlClient, (sql) => sql.unsafe("PRAGMA integrity_check").values)

describe("sqlite store, killed", () => {
  it.scopedLive(
    "[log 10] [log 5] a published batch is there whole or not at all, and what was answered is there",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        const answered = new Set<number>()
        for (const lines of [1, 40, 90, 15]) {
          const child = yield* victim("publish", path)
          for (const line of yield* killAfterLines(child, lines)) answered.add(Number(line))
          const found = yield* opened(path, records)
          expect(found.map(({ offset }) => offset)).toEqual(upTo(found.length))
          const events = yield* Effect.forEach(found, (record) => EventLog.decode(Published, record))
          const batches = Map.groupBy(events, ({ batch }) => batch)
          for (const batch of batches.values()) expect(batch.map(({ i }) => i)).toEqual(upTo(BATCH))
          for (const batch of answered) expect(batches.has(batch)).toBe(true)
          expect(answered.size).toBeGreaterThan(0)
        }
      }),
    60_000,
  )

  it.scopedLive(
    "[log 8] killed after handling and before the commit: delivered again, effect once",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        yield* opened(path, publish(2))
        for (const dieAt of [0, 10, 30]) {
          const child = yield* victim("consume", path, "before", `${dieAt}`)
          yield* Effect.promise(() => child.exited)
          expect(child.signalCode).toBe("SIGKILL")
          expect(yield* opened(path, effects)).not.toContain(dieAt)
        }
        const again = yield* victim("consume", path, "after", "39")
        yield* Effect.promise(() => again.exited)
        expect(yield* opened(path, effects)).toEqual(upTo(40))
        for (const dieAt of [0, 10, 30]) {
          expect(deliveries(path).filter((n) => n === dieAt).length).toBeGreaterThan(1)
        }
      }),
    60_000,
  )

  it.scopedLive(
    "[log 9] killed after the commit: not delivered again",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        yield* opened(path, publish(2))
        for (const dieAt of [0, 10, 30, 39]) {
          const child = yield* victim("consume", path, "after", `${dieAt}`)
          yield* Effect.promise(() => child.exited)
          expect(child.signalCode).toBe("SIGKILL")
          expect(yield* opened(path, effects)).toContain(dieAt)
        }
        expect(yield* opened(path, effects)).toEqual(upTo(40))
        expect(deliveries(path)).toEqual(upTo(40))
      }),
    60_000,
  )

  it.scopedLive(
    "[log 8] killed at any moment while it consumes: every effect once",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        yield* opened(path, publish(100))
        for (const lines of [1, 9, 40, 25]) {
          const child = yield* victim("consume", path)
          yield* killAfterLines(child, lines)
          const done = yield* opened(path, effects)
          expect(done).toEqual(upTo(done.length))
        }
        const last = yield* victim("consume", path, "after", `${100 * BATCH - 1}`)
        yield* Effect.promise(() => last.exited)
        expect(yield* opened(path, effects)).toEqual(upTo(100 * BATCH))
      }),
    60_000,
  )

  it.scoped("[log 13] a write-ahead log torn or damaged at its end opens with everything before it", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const [file, wal] = [SqliteStore.FILE, `${SqliteStore.FILE}-wal`]
      // The test clock stands still, so nothing is folded into the file meanwhile; the copy is what a crash leaves.
      const left = yield* folder
      yield* opened(
        path,
        Effect.zipRight(
          publish(30),
          Effect.sync(() => {
            for (const name of [file, wal]) cpSync(join(path, name), join(left, name))
          }),
        ),
      )
      const log = readFileSync(join(left, wal))
      let opens = 0
      const openWith = (bytes: Uint8Array) =>
        Effect.gen(function* () {
          const copy = join(left, `copy-${opens++}`)
          cpSync(join(left, file), join(copy, file))
          writeFileSync(join(copy, wal), bytes)
          const { found, sound } = yield* opened(copy, Effect.all({ found: records, sound: integrity }))
          expect(sound).toEqual([["ok"]])
          expect(found.map(({ offset }) => offset)).toEqual(upTo(found.length))
          expect(found.length % BATCH).toBe(0)
          return found.length
        })
      expect(yield* openWith(log)).toBe(30 * BATCH)
      const counts: Array<number> = []
      for (let i = 0; i <= 12; i++) {
        const cut = Math.floor((log.length * i) / 12)
        counts.push(yield* openWith(log.subarray(0, cut)))
      }
      expect(counts).toEqual(counts.toSorted((a, b) => a - b))
      expect(counts[0]).toBe(0)
      expect(new Set(counts).size).toBeGreaterThan(5)
      for (let i = 0; i < 12; i++) {
        const at = yield* Random.nextIntBetween(0, log.length)
        const damaged = Uint8Array.from(log)
        damaged[at] = (damaged[at] ?? 0) ^ 0x10
        expect(yield* openWith(damaged)).toBeLessThanOrEqual(30 * BATCH)
      }
      expect(existsSync(join(left, "copy-0", wal))).toBe(false)
    }).pipe(Effect.withRandom(Random.make("torn"))),
  )
})
