import { requestLifecycleSuite } from "../suites/RequestLifecycleSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

requestLifecycleSuite("SQLite", SqliteStore.layerTest())
