/** Our stores, opened for a row in a temporary folder or an empty database, and closed after it. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Effect, type Layer, Logger, LogLevel, ManagedRuntime, Redacted } from "effect"
import * as PostgresStore from "../../../../packages/server/src/adapters/postgres/PostgresStore.ts"
import * as SqliteStore from "../../../../packages/server/src/adapters/sqlite/SqliteStore.ts"
import { startPostgres } from "../../../../packages/server/test/PostgresServer.ts"
import type { AtEnd } from "../../Harness.ts"

/** Runs effects on an open store. */
export type Run<R> = <A, E>(effect: Effect.Effect<A, E, R>, options?: { signal?: AbortSignal }) => Promise<A>

export const DURABLE_SQLITE = "ours on SQLite: WAL, synchronous=FULL, one flush a group of commits"

/** On the disk that the peers' files are on too. */
export const temporaryFolder = (atEnd: AtEnd): string => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-bench-"))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface OpenSqlite {
  readonly run: Run<SqliteStore.Provided>
  readonly folder: string
  /** Of the database. */
  readonly file: string
}

export const openSqlite = (atEnd: AtEnd): OpenSqlite => {
  const folder = temporaryFolder(atEnd)
  return { run: open(SqliteStore.layer({ folder }), atEnd), folder, file: join(folder, SqliteStore.FILE) }
}

export const openPostgres = (url: string, atEnd: AtEnd): Run<Layer.Layer.Success<ReturnType<typeof postgres>>> =>
  open(postgres(url), atEnd)

const postgres = (url: string) => PostgresStore.layer({ url: Redacted.make(url) })

const open = <R, E>(store: Layer.Layer<R, E>, atEnd: AtEnd): Run<R> => {
  const runtime = ManagedRuntime.make(store)
  atEnd(() => runtime.dispose())
  return (effect, options) => runtime.runPromise(Logger.withMinimumLogLevel(effect, LogLevel.Error), options)
}

/** Makes an empty database on a real PostgreSQL, with its default durability; its URL. */
export const postgresServer = async (atEnd: AtEnd): Promise<() => Promise<string>> => {
  const server = await startPostgres()
  atEnd(() => server.stop())
  const client = new Bun.SQL(await server.database())
  for (const setting of ["fsync", "synchronous_commit", "full_page_writes"]) {
    const [row] = await client.unsafe(`SHOW ${setting}`)
    if (Reflect.get(Object(row), setting) !== "on") throw new Error(`PostgreSQL runs without ${setting}`)
  }
  await client.close()
  return server.database
}

export const DURABLE_POSTGRES = "one PostgreSQL for both sides, fsync=on, synchronous_commit=on"

/** Runs a consumer until `until` is answered, then stops it. */
export const consuming = async <R, E>(
  run: Run<R>,
  consumer: Effect.Effect<never, E, R>,
  until: () => Promise<number>,
): Promise<number> => {
  const stop = new AbortController()
  const running = run(consumer, { signal: stop.signal })
  const figure = await Promise.race([until(), running])
  stop.abort()
  await running.catch(() => {})
  return figure
}
