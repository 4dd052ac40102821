import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { requestLifecycleSuite } from "../suites/RequestLifecycleSuite.ts"

requestLifecycleSuite("PostgreSQL", onOneDatabase(realPostgres()))
