/**
 * What a lock promises when a process is paused for longer than its lease: a real process, stopped and continued.
 *
 * @example
 * pausedHolderSuite("sqlite", { address, store: SqliteLock.layer().pipe(Layer.provideMerge(…)) })
 */
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { DistributedLock, Timers } from "@paceline/core/concurrency"
import { Fencing, UnitOfWork } from "@paceline/core/consistency"
import { Effect, Layer } from "effect"
import { TTL_MILLIS } from "./LockHolder.ts"

const HOLDER = join(import.meta.dirname, "LockHolder.ts")

type Store = DistributedLock.DistributedLock | Fencing.Fencing | UnitOfWork | SqlClient

export interface PausedHolderTarget {
  /** What the store is called for the process that is paused: a file, a URL. Called when the test runs. */
  readonly address: () => Promise<string>
  /** The same store for this process. */
  readonly store: (address: string) => Layer.Layer<Store, unknown, Timers.Timers>
}

/** Starts a holder; it is killed at the latest when the scope closes. */
const holder = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = Bun.spawn([process.execPath, HOLDER, ...args], { stdout: "pipe", stderr: "inherit" })
      return { child, lines: linesOf(child.stdout) }
    }),
    ({ child }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      }),
  )

async function* linesOf(output: ReadableStream<Uint8Array>) {
  let text = ""
  for await (const bytes of output) {
    text += new TextDecoder().decode(bytes)
    const lines = text.split("\n")
    text = lines.pop() ?? ""
    yield* lines
  }
}

const next = (lines: AsyncGenerator<string>) =>
  Effect.map(
    Effect.promise(() => lines.next()),
    ({ value }) => String(value),
  )

const writtenTokens = (resource: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql<{ token: number }>`SELECT token FROM written WHERE resource = ${resource} ORDER BY token`
    return rows.map(({ token }) => token)
  })

export const pausedHolderSuite = (name: string, engine: "sqlite" | "postgres", target: PausedHolderTarget): void => {
  describe(`paused lock holder on ${name}`, () => {
    it.scopedLive(
      "[resilience 73] [resilience 76] a process paused for longer than its lease is refused by the store when it goes on",
      () =>
        Effect.gen(function* () {
          const address = yield* Effect.promise(target.address)
          const resource = `paused-${crypto.randomUUID()}`
          const scenario = Effect.gen(function* () {
            const sql = yield* SqlClient
            yield* UnitOfWork.run(sql`CREATE TABLE written (resource TEXT NOT NULL, token INTEGER NOT NULL)`)
            const { child, lines } = yield* holder(engine, address, resource)
            const held = yield* next(lines)
            expect(held).toMatch(/^held \d+$/)
            child.kill("SIGSTOP")

            const token = yield* DistributedLock.withLock(
              resource,
              (lease) =>
                Effect.gen(function* () {
                  expect(lease.token).toBeGreaterThan(Number(held.split(" ")[1]))
                  child.kill("SIGCONT")
                  expect(yield* next(lines)).toBe("StaleToken")
                  expect(yield* next(lines)).toBe("lease LeaseLost")
                  const unit = sql`INSERT INTO written (resource, token) VALUES (${resource}, ${lease.token})`
                  yield* Fencing.guarded(lease, unit)
                  // Nor did the end of the holder that was paused free the lock of its successor.
                  expect(yield* Effect.promise(() => child.exited)).toBe(0)
                  yield* Fencing.guarded(lease, unit)
                  return lease.token
                }),
              { wait: TTL_MILLIS * 5, ttl: "30 seconds" },
            )
            expect(yield* writtenTokens(resource)).toEqual([token, token])
          })
          yield* Effect.provide(scenario, target.store(address).pipe(Layer.provideMerge(Timers.layer)))
        }),
      60_000,
    )

    it.scopedLive(
      "a process paused for less than its lease goes on and writes",
      () =>
        Effect.gen(function* () {
          const address = yield* Effect.promise(target.address)
          const resource = `paused-${crypto.randomUUID()}`
          const scenario = Effect.gen(function* () {
            const sql = yield* SqlClient
            yield* UnitOfWork.run(sql`CREATE TABLE written (resource TEXT NOT NULL, token INTEGER NOT NULL)`)
            const { child, lines } = yield* holder(engine, address, resource)
            const [, token] = (yield* next(lines)).split(" ")
            child.kill("SIGSTOP")
            yield* Effect.sleep(TTL_MILLIS * 0.4)
            child.kill("SIGCONT")
            expect(yield* next(lines)).toBe("written")
            expect(yield* writtenTokens(resource)).toEqual([Number(token)])
          })
          yield* Effect.provide(scenario, target.store(address).pipe(Layer.provideMerge(Timers.layer)))
        }),
      60_000,
    )
  })
}
