import { dueWorkSuite } from "../suites/DueWorkSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

dueWorkSuite("SQLite", SqliteStore.layerTest())
