/** The thread that reads: answers each question with the next piece of the files of a source. */
import { parentPort } from "node:worker_threads"
import { type Answer, answersOf, type Question } from "./ReaderMessages.ts"
import { readSource } from "./ReadSource.ts"

function* answers(question: Question & { readonly _tag: "Read" }): Generator<Answer, Answer> {
  const files = readSource(question.source, question.limits)
  for (let next = files.next(); ; next = files.next()) {
    if (next.done === true) return { _tag: "End", passedOver: next.value }
    yield* answersOf(next.value)
  }
}

let saying: Generator<Answer, Answer> | null = null

const answer = (question: Question): Answer => {
  if (question._tag === "Read") saying = answers(question)
  return saying?.next().value ?? { _tag: "End", passedOver: 0 }
}

const buffersOf = (said: Answer): Array<ArrayBuffer> =>
  said._tag === "Slice"
    ? [said.atMillis.buffer, said.values.buffer].filter((buffer) => buffer instanceof ArrayBuffer)
    : []

parentPort?.on("message", (question: Question) => {
  const said = answer(question)
  parentPort?.postMessage(said, buffersOf(said))
})
const ready: Answer = { _tag: "Ready" }
parentPort?.postMessage(ready)
