/** The store on a real PostgreSQL, for the suites: on one database that all tests of a file share, or each on its own. */
import { Effect, Layer, Redacted } from "effect"
import * as PostgresStore from "../src/adapters/postgres/PostgresStore.ts"
import type { RealPostgres } from "./RealPostgres.ts"

type Options = Omit<PostgresStore.PostgresStoreOptions, "url">

const on = (url: Effect.Effect<string>, options: Options) =>
  Layer.unwrapEffect(Effect.map(url, (url) => PostgresStore.layer({ ...options, url: Redacted.make(url) })))

export const onOneDatabase = (postgres: RealPostgres, options: Options = {}) => {
  let shared: Promise<string> | undefined
  return on(
    Effect.promise(() => (shared ??= postgres.database())),
    options,
  )
}

export const onNewDatabase = (postgres: RealPostgres, options: Options = {}) =>
  on(Effect.promise(postgres.database), options)
