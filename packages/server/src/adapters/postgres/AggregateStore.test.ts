import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { aggregateStoreSuite } from "../suites/AggregateStoreSuite.ts"

aggregateStoreSuite("PostgreSQL", onOneDatabase(realPostgres()))
