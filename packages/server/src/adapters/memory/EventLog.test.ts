import { EVENT_LOG_TOPICS, eventLogSuite } from "../suites/EventLogSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

eventLogSuite("memory", MemoryStore.layer({ topics: EVENT_LOG_TOPICS }))
