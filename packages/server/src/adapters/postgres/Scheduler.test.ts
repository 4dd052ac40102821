import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { schedulerSuite } from "../suites/SchedulerSuite.ts"

schedulerSuite("PostgreSQL", onNewDatabase(realPostgres()))
