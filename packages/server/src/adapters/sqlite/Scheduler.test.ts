import { schedulerSuite } from "../suites/SchedulerSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

schedulerSuite("SQLite", SqliteStore.layerTest())
