import { WritePosition } from "@paceline/core/consistency"
import { Layer } from "effect"
import { readYourWritesSuite } from "../suites/ReadYourWritesSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

readYourWritesSuite("memory", Layer.merge(MemoryStore.layerTest(), WritePosition.layerImmediate))
