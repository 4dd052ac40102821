import { answersSuite } from "../suites/AnswersSuite.ts"
import * as MemoryStore from "./MemoryStore.ts"

answersSuite("memory", MemoryStore.layer())
