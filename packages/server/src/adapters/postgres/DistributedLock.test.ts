import { Timers } from "@paceline/core/concurrency"
import { Effect, Layer, Redacted } from "effect"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { distributedLockSuite } from "../suites/DistributedLockSuite.ts"
import * as PostgresLock from "./DistributedLock.ts"
import * as PostgresStore from "./PostgresStore.ts"

const postgres = realPostgres()

let shared: Promise<string> | undefined
/** One database for the whole suite; its tests lock resources of their own. */
const url = Effect.promise(() => (shared ??= postgres.database()))

const store = Layer.unwrapEffect(Effect.map(url, (url) => PostgresStore.layer({ url: Redacted.make(url) })))

distributedLockSuite("postgres", PostgresLock.layer().pipe(Layer.provideMerge(Layer.merge(store, Timers.layer))))
