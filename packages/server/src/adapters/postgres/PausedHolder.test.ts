import { Layer, Redacted } from "effect"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { pausedHolderSuite } from "../suites/PausedHolderSuite.ts"
import * as PostgresLock from "./DistributedLock.ts"
import * as PostgresStore from "./PostgresStore.ts"

const postgres = realPostgres()

pausedHolderSuite("postgres", "postgres", {
  address: postgres.database,
  store: (url) => PostgresLock.layer().pipe(Layer.provideMerge(PostgresStore.layer({ url: Redacted.make(url) }))),
})
