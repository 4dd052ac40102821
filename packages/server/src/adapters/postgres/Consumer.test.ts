import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { batchSuite } from "../suites/BatchSuite.ts"
import { consumerDeliverySuite } from "../suites/ConsumerDeliverySuite.ts"
import { consumerGroupsSuite } from "../suites/ConsumerGroupsSuite.ts"
import { consumerOrderSuite } from "../suites/ConsumerOrderSuite.ts"
import { CONSUMER_TOPICS } from "../suites/ConsumerServices.ts"
import { consumerSuite } from "../suites/ConsumerSuite.ts"
import { deadLetterSuite } from "../suites/DeadLetterSuite.ts"
import { progressSuite } from "../suites/ProgressSuite.ts"
import { retentionSuite } from "../suites/RetentionSuite.ts"

const store = onNewDatabase(realPostgres(), { topics: CONSUMER_TOPICS })

consumerSuite("PostgreSQL", store)
consumerDeliverySuite("PostgreSQL", store)
consumerOrderSuite("PostgreSQL", store)
consumerGroupsSuite("PostgreSQL", store)
batchSuite("PostgreSQL", store)
deadLetterSuite("PostgreSQL", store)
retentionSuite("PostgreSQL", store)
progressSuite("PostgreSQL", store)
