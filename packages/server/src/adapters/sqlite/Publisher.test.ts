import { Database as BunDatabase } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Exit, Fiber, type Scope } from "effect"
import * as SqliteStore from "./SqliteStore.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-publisher-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** Holds the file's write lock, so that all that publish wait. */
const locked = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const other = new BunDatabase(join(path, SqliteStore.FILE))
      other.run("BEGIN IMMEDIATE")
      return other
    }),
    (other) => Effect.sync(() => other.close()),
  )

const free = (other: BunDatabase) => Effect.sync(() => other.run("ROLLBACK"))

const withStore = <A, E>(
  body: (path: string) => Effect.Effect<A, E, SqliteStore.Provided | Scope.Scope>,
  options: Omit<SqliteStore.SqliteStoreOptions, "folder"> = {},
) =>
  Effect.flatMap(folder, (path) =>
    Effect.provide(
      body(path),
      SqliteStore.layer({
        folder: path,
        database: { busyTimeoutMillis: 0 },
        writer: { busyMillis: 60_000 },
        ...options,
      }),
    ),
  )

const turns = Effect.promise(async () => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
})

const payloads = Effect.flatMap(EventLog.EventLog, (log) =>
  Effect.map(log.read("t", 0, 0, 10_000), (records) => records.map(({ payload }) => payload)),
)

const publish = (...these: ReadonlyArray<unknown>) =>
  Effect.flatMap(EventLog.EventLog, (log) =>
    log.publish(
      "t",
      these.map((payload) => ({ key: "k", payload })),
    ),
  )

describe("publisher", () => {
  it.scopedLive("[log 26] when too much waits, further publishers wait in line with nothing made of theirs yet", () =>
    withStore(
      (path) =>
        Effect.gen(function* () {
          const other = yield* locked(path)
          const encoded: Array<number> = []
          const counted = (n: number) => ({
            toJSON: () => {
              encoded.push(n)
              return n
            },
          })
          const fibers = yield* Effect.forEach(Array.from({ length: 50 }), (_, i) =>
            Effect.tap(Effect.fork(publish(counted(2 * i), counted(2 * i + 1))), () => Effect.yieldNow()),
          )
          yield* turns
          expect(encoded).toEqual(Array.from({ length: 10 }, (_, i) => i))
          yield* free(other)
          yield* Effect.forEach(fibers, Fiber.join)
          const all = Array.from({ length: 100 }, (_, i) => i)
          expect(encoded).toEqual(all)
          expect(yield* payloads).toEqual(all)
        }),
      { maxWaitingRecords: 11 },
    ),
  )

  it.scopedLive("one publish that is larger than all room is let in when nothing else waits", () =>
    withStore(
      () =>
        Effect.gen(function* () {
          const sizes = [1, 5, 1, 9, 2]
          const all = sizes.map((size, i) => Array.from({ length: size }, () => i))
          yield* Effect.forEach(all, (these) => publish(...these), { concurrency: "unbounded" })
          expect(yield* payloads).toEqual(all.flat())
        }),
      { maxWaitingRecords: 3 },
    ),
  )

  it.scopedLive("a publish that is interrupted while it waits, in line or not, is never stored; room is given on", () =>
    withStore(
      (path) =>
        Effect.gen(function* () {
          const other = yield* locked(path)
          const fibers = yield* Effect.forEach(Array.from({ length: 12 }), (_, i) =>
            Effect.tap(Effect.fork(publish(i)), () => Effect.yieldNow()),
          )
          yield* turns
          for (const i of [0, 3, 7, 11]) {
            const fiber = fibers[i]
            if (fiber !== undefined) yield* Fiber.interrupt(fiber)
          }
          yield* free(other)
          const exits = yield* Effect.forEach(fibers, Fiber.await)
          const kept = [1, 2, 4, 5, 6, 8, 9, 10]
          expect(exits.flatMap((exit, i) => (Exit.isSuccess(exit) ? [i] : []))).toEqual(kept)
          expect([...(yield* payloads)].toSorted((a, b) => Number(a) - Number(b))).toEqual(kept)
        }),
      { maxWaitingRecords: 5 },
    ),
  )

  it.scopedLive("one that cannot be interrupted is stored and answered, whoever wants its fiber to end", () =>
    withStore((path) =>
      Effect.gen(function* () {
        const other = yield* locked(path)
        const answers: Array<unknown> = []
        const answered = Effect.map(publish("kept"), (positions) => answers.push(positions))
        const fiber = yield* Effect.fork(Effect.uninterruptible(answered))
        yield* turns
        yield* Fiber.interruptFork(fiber)
        yield* turns
        yield* free(other)
        yield* Effect.timeoutFail(Fiber.await(fiber), { duration: "5 seconds", onTimeout: () => "no answer" })
        expect(answers).toEqual([[{ partition: 0, offset: 0, duplicate: false }]])
        expect(yield* payloads).toEqual(["kept"])
      }),
    ),
  )

  it.scopedLive(
    "[log 4] [log 6] a publish that fills the disk fails alone, with a typed error, and is not there in part",
    () =>
      withStore(
        () =>
          Effect.gen(function* () {
            const huge = "x".repeat(5_000_000)
            const exits = yield* Effect.forEach(
              Array.from({ length: 20 }, (_, i) => i),
              (i) => Effect.either(i % 7 === 3 ? publish(`${i}`, huge) : publish(`${i}`)),
              { concurrency: "unbounded" },
            )
            exits.forEach((exit, i) => {
              if (i % 7 === 3)
                expect(exit).toMatchObject({ _tag: "Left", left: { _tag: "StorageError", reason: "full" } })
              else expect(exit._tag).toBe("Right")
            })
            const kept = exits.flatMap((exit, i) => (exit._tag === "Right" ? [`${i}`] : []))
            expect([...(yield* payloads)].toSorted()).toEqual(kept.toSorted())
            yield* publish("there is room")
          }),
        { database: { maxPageCount: 200 } },
      ),
  )

  it.scopedLive("a unit that ends the transaction of its turn takes no publish with it, and doubles none", () =>
    withStore(
      () =>
        Effect.gen(function* () {
          const log = yield* EventLog.EventLog
          const append = (payload: string) => UnitOfWork.run(log.append("t", [{ key: "k", payload }]))
          const exits = yield* Effect.all(
            [
              Effect.exit(publish("a")),
              Effect.exit(append("x".repeat(5_000_000))),
              Effect.exit(publish("b")),
              Effect.exit(append("c")),
            ],
            { concurrency: "unbounded" },
          )
          expect(exits.map(Exit.isSuccess)).toEqual([true, false, true, true])
          expect([...(yield* payloads)].toSorted()).toEqual(["a", "b", "c"])
        }),
      { database: { maxPageCount: 200 } },
    ),
  )
})
