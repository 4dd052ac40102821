import { jobQueueSuite } from "../suites/JobQueueSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

jobQueueSuite("memory", MemoryStore.layer())
