import { windowedRecoverySuite } from "../suites/WindowedRecoverySuite.ts"
import { WINDOWED_TOPICS } from "../suites/WindowedServices.ts"
import { windowedStreamSuite } from "../suites/WindowedStreamSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

const store = MemoryStore.layer({ topics: WINDOWED_TOPICS })

windowedStreamSuite("memory", store)
windowedRecoverySuite("memory", store, { randomStreams: 40 })
