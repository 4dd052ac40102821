import { windowedLastNSuite } from "../suites/WindowedLastNSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

windowedLastNSuite("memory", MemoryStore.layer(), 30)
