import { requestLifecycleSuite } from "../suites/RequestLifecycleSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

requestLifecycleSuite("memory", MemoryStore.layer())
