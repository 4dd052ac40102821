import { WritePosition } from "@paceline/core/consistency"
import { Layer } from "effect"
import { readYourWritesSuite } from "../suites/ReadYourWritesSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

readYourWritesSuite("SQLite", Layer.merge(SqliteStore.layerTest(), WritePosition.layerImmediate))
