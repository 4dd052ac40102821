import { consumerSuite } from "../suites/ConsumerSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

consumerSuite("SQLite", SqliteStore.layerTest({ topics: { sharded: { partitions: 4 } } }))
