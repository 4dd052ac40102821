import { aggregateStoreSuite } from "../suites/AggregateStoreSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

aggregateStoreSuite("SQLite", SqliteStore.layerTest())
