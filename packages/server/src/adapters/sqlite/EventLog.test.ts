import { EVENT_LOG_TOPICS, eventLogSuite } from "../suites/EventLogSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

eventLogSuite("SQLite", SqliteStore.layerTest({ topics: EVENT_LOG_TOPICS }))
