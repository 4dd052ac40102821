import { causalThreadsSuite } from "../suites/CausalThreadsSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

causalThreadsSuite("SQLite", SqliteStore.layerTest())
