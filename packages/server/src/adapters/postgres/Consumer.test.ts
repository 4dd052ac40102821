import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { consumerOrderSuite } from "../suites/ConsumerOrderSuite.ts"
import { CONSUMER_TOPICS } from "../suites/ConsumerServices.ts"
import { consumerSuite } from "../suites/ConsumerSuite.ts"
import { deadLetterSuite } from "../suites/DeadLetterSuite.ts"

const store = onNewDatabase(realPostgres(), { topics: CONSUMER_TOPICS })

consumerSuite("PostgreSQL", store)
consumerOrderSuite("PostgreSQL", store)
deadLetterSuite("PostgreSQL", store)
