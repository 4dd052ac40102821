import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { shardsSuite } from "../suites/ShardsSuite.ts"

shardsSuite("PostgreSQL", onNewDatabase(realPostgres()))
