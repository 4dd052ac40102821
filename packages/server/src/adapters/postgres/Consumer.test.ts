import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { consumerSuite } from "../suites/ConsumerSuite.ts"

consumerSuite("PostgreSQL", onNewDatabase(realPostgres(), { topics: { sharded: { partitions: 4 } } }))
