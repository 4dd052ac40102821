import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { dueWorkSuite } from "../suites/DueWorkSuite.ts"

dueWorkSuite("PostgreSQL", onNewDatabase(realPostgres()))
