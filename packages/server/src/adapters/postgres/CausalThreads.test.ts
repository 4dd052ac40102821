import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { causalThreadsSuite } from "../suites/CausalThreadsSuite.ts"

causalThreadsSuite("PostgreSQL", onOneDatabase(realPostgres()))
