import { shardsSuite } from "../suites/ShardsSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

shardsSuite("SQLite", SqliteStore.layerTest())
