import { EVENT_LOG_TOPICS, eventLogSuite } from "../suites/EventLogSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

eventLogSuite("memory", MemoryStore.layerTest({ topics: EVENT_LOG_TOPICS }))
