import { batchSuite } from "../suites/BatchSuite.ts"
import { consumerDeliverySuite } from "../suites/ConsumerDeliverySuite.ts"
import { consumerGroupsSuite } from "../suites/ConsumerGroupsSuite.ts"
import { consumerOrderSuite } from "../suites/ConsumerOrderSuite.ts"
import { CONSUMER_TOPICS } from "../suites/ConsumerServices.ts"
import { consumerSuite } from "../suites/ConsumerSuite.ts"
import { deadLetterSuite } from "../suites/DeadLetterSuite.ts"
import { progressSuite } from "../suites/ProgressSuite.ts"
import { retentionSuite } from "../suites/RetentionSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

const store = MemoryStore.layer({ topics: CONSUMER_TOPICS })

consumerSuite("memory", store)
consumerDeliverySuite("memory", store)
consumerOrderSuite("memory", store)
consumerGroupsSuite("memory", store)
batchSuite("memory", store)
deadLetterSuite("memory", store)
retentionSuite("memory", store)
progressSuite("memory", store)
