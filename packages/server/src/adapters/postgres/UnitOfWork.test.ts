import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { unitOfWorkSuite } from "../suites/UnitOfWorkSuite.ts"

unitOfWorkSuite("PostgreSQL", onNewDatabase(realPostgres()), "may wait")
