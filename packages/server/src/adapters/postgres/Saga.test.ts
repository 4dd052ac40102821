import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { sagaSuite } from "../suites/SagaSuite.ts"

sagaSuite("PostgreSQL", onOneDatabase(realPostgres()))
