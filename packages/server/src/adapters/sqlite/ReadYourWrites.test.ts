import { readYourWritesSuite } from "../suites/ReadYourWritesSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

readYourWritesSuite("SQLite", SqliteStore.layerTest())
