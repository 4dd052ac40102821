import { sagaSuite } from "../suites/SagaSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

sagaSuite("memory", MemoryStore.layer())
