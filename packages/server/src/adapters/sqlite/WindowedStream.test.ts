import { WINDOWED_TOPICS } from "../suites/WindowedServices.ts"
import { windowedStreamSuite } from "../suites/WindowedStreamSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

windowedStreamSuite("SQLite", SqliteStore.layerTest({ topics: WINDOWED_TOPICS }))
