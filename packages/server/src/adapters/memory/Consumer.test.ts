import { CONSUMER_TOPICS } from "../suites/ConsumerServices.ts"
import { consumerSuite } from "../suites/ConsumerSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

const store = MemoryStore.layerTest({ topics: CONSUMER_TOPICS })

consumerSuite("memory", store)
