import { windowedRecoverySuite } from "../suites/WindowedRecoverySuite.ts"
import { WINDOWED_TOPICS } from "../suites/WindowedServices.ts"
import { windowedStreamSuite } from "../suites/WindowedStreamSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

const store = SqliteStore.layerTest({ topics: WINDOWED_TOPICS })

windowedStreamSuite("SQLite", store)
windowedRecoverySuite("SQLite", store, { randomStreams: 10 })
