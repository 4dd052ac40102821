import { aggregateStoreSuite } from "../suites/AggregateStoreSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

aggregateStoreSuite("memory", MemoryStore.layer())
