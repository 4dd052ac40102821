import { shardsSuite } from "../suites/ShardsSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

shardsSuite("memory", MemoryStore.layer())
