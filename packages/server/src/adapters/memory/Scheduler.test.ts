import { schedulerSuite } from "../suites/SchedulerSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

schedulerSuite("memory", MemoryStore.layer())
