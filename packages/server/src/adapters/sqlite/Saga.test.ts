import { sagaSuite } from "../suites/SagaSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

sagaSuite("SQLite", SqliteStore.layerTest())
