import { batchSuite } from "../suites/BatchSuite.ts"
import { consumerDeliverySuite } from "../suites/ConsumerDeliverySuite.ts"
import { consumerGroupsSuite } from "../suites/ConsumerGroupsSuite.ts"
import { consumerOrderSuite } from "../suites/ConsumerOrderSuite.ts"
import { CONSUMER_TOPICS } from "../suites/ConsumerServices.ts"
import { consumerSuite } from "../suites/ConsumerSuite.ts"
import { deadLetterSuite } from "../suites/DeadLetterSuite.ts"
import { progressSuite } from "../suites/ProgressSuite.ts"
import { retentionSuite } from "../suites/RetentionSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

const store = SqliteStore.layerTest({ topics: CONSUMER_TOPICS })

consumerSuite("SQLite", store)
consumerDeliverySuite("SQLite", store)
consumerOrderSuite("SQLite", store)
consumerGroupsSuite("SQLite", store)
batchSuite("SQLite", store)
deadLetterSuite("SQLite", store)
retentionSuite("SQLite", store)
progressSuite("SQLite", store)
