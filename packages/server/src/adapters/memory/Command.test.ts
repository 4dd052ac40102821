import { commandSuite } from "../suites/CommandSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

commandSuite("memory", MemoryStore.layer())
