/**
 * A thread that reads sources while this one goes on.
 *
 * Its program is a file of its own: `ReaderWorker.ts` beside the sources, `ReaderWorker.js` in the published package
 * and inside a compiled binary that was given it as a second entry. Where there is none (a bundler has left it
 * behind), `open` gives null, and the caller reads in its own thread.
 */
import { Worker } from "node:worker_threads"
import { fileUnreadable } from "./Activity.ts"
import { type Answer, Assembly, type Question } from "./ReaderMessages.ts"
import type { ActivitySource, FileOutcome, ReadLimits } from "./ReadSource.ts"

/** Where a compiled binary of Bun keeps its files, and where in it the reader stands: under what all entries share. */
const IN_BINARY = /^.*\/(?:\$bunfs|~BUN)\/root\//
const READER_IN_BINARY = "device-bridge/src/files/ReaderWorker.js"

/** The place of the reader's program, told from the place of this one. */
export const readerLocation = (here: string): URL => {
  const root = IN_BINARY.exec(here)?.[0]
  if (root !== undefined) return new URL(READER_IN_BINARY, root)
  return new URL(here.endsWith(".ts") ? "./ReaderWorker.ts" : "./ReaderWorker.js", here)
}

export class ReaderThread {
  readonly #worker: Worker
  #waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | null = null
  #ended: Error | null = null

  /** A thread that is ready, or null where it cannot be. */
  static async open(location = readerLocation(import.meta.url)): Promise<ReaderThread | null> {
    let thread: ReaderThread
    try {
      thread = new ReaderThread(new Worker(location))
    } catch {
      return null
    }
    try {
      await thread.#answer()
      return thread
    } catch {
      await thread.close()
      return null
    }
  }

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on("message", (answer: Answer) => {
      this.#waiting?.resolve(answer)
      this.#waiting = null
    })
    worker.on("error", (error) => this.#end(error instanceof Error ? error : new Error(String(error))))
    worker.on("messageerror", (error) => this.#end(error))
    worker.on("exit", (code) => this.#end(new Error(`the reading thread ended with code ${code}`)))
  }

  get alive(): boolean {
    return this.#ended === null
  }

  /** Each file of the source, and the number of files that were passed over. When the thread dies, that is an error of the source. */
  async *read(source: ActivitySource, limits: ReadLimits): AsyncGenerator<FileOutcome, number> {
    const assembly = new Assembly()
    try {
      for (
        let answer = await this.#ask({ _tag: "Read", source, limits });
        ;
        answer = await this.#ask({ _tag: "Next" })
      ) {
        if (answer._tag === "End") return answer.passedOver
        const file = assembly.take(answer)
        if (file !== null) yield file
      }
    } catch (cause) {
      const name = typeof source === "string" ? source : source.name
      const why = cause instanceof Error ? cause.message : String(cause)
      const message = `Reading broke off: ${why}. What came before it is read; try the rest in smaller parts.`
      yield { name, sha256: null, result: fileUnreadable("unreadable", message) }
      return 0
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(question: Question): Promise<Answer> {
    const answer = this.#answer()
    this.#worker.postMessage(question)
    return answer
  }

  #answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) reject(this.#ended)
      else this.#waiting = { resolve, reject }
    })
  }

  #end(error: Error): void {
    this.#ended ??= error
    this.#waiting?.reject(this.#ended)
    this.#waiting = null
  }
}
