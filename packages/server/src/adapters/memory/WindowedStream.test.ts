import { WINDOWED_TOPICS } from "../suites/WindowedServices.ts"
import { windowedStreamSuite } from "../suites/WindowedStreamSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

windowedStreamSuite("memory", MemoryStore.layerTest({ topics: WINDOWED_TOPICS }))
