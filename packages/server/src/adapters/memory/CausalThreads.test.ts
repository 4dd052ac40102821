import { causalThreadsSuite } from "../suites/CausalThreadsSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

causalThreadsSuite("memory", MemoryStore.layer())
