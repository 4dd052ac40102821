import { readYourWritesSuite } from "../suites/ReadYourWritesSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

readYourWritesSuite("memory", MemoryStore.layer())
