import { eventLogSuite } from "../suites/EventLogSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

eventLogSuite("memory", MemoryStore.layerTest({ topics: { sharded: { partitions: 4 } } }))
