import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { jobQueueSuite } from "../suites/JobQueueSuite.ts"

jobQueueSuite("PostgreSQL", onNewDatabase(realPostgres()))
