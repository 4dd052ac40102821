import { Effect, Layer, Redacted } from "effect"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { rateLimiterStoreSuite } from "../suites/RateLimiterStoreSuite.ts"
import * as PostgresStore from "./PostgresStore.ts"
import * as PostgresRateLimits from "./RateLimitStore.ts"

const postgres = realPostgres()

let shared: Promise<string> | undefined
const url = Effect.promise(() => (shared ??= postgres.database()))

const store = Layer.unwrapEffect(Effect.map(url, (url) => PostgresStore.layer({ url: Redacted.make(url) })))

rateLimiterStoreSuite("postgres", store, PostgresRateLimits.layer)
