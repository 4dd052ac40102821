import { jobQueueSuite } from "../suites/JobQueueSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

jobQueueSuite("SQLite", SqliteStore.layerTest())
