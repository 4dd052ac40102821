import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { readYourWritesSuite } from "../suites/ReadYourWritesSuite.ts"

readYourWritesSuite("PostgreSQL", onOneDatabase(realPostgres()))
