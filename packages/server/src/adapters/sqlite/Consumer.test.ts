import { CONSUMER_TOPICS } from "../suites/ConsumerServices.ts"
import { consumerSuite } from "../suites/ConsumerSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

const store = SqliteStore.layerTest({ topics: CONSUMER_TOPICS })

consumerSuite("SQLite", store)
