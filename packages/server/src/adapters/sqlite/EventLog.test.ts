import { eventLogSuite } from "../suites/EventLogSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

eventLogSuite("SQLite", SqliteStore.layerTest({ topics: { sharded: { partitions: 4 } } }))
