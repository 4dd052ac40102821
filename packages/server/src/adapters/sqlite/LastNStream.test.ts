import { windowedLastNSuite } from "../suites/WindowedLastNSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

windowedLastNSuite("SQLite", SqliteStore.layerTest(), 10)
