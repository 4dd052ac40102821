import { dueWorkSuite } from "../suites/DueWorkSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

dueWorkSuite("memory", MemoryStore.layer())
