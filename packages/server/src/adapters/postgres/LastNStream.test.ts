import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { windowedLastNSuite } from "../suites/WindowedLastNSuite.ts"

windowedLastNSuite("PostgreSQL", onNewDatabase(realPostgres()), 4)
