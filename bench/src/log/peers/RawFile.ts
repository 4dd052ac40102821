/**
 * The least that durable appending can cost: lines to a file, one write and one fdatasync for all that wait, then the
 * next. Each appender is answered after the sync that covers its line.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import type { AtEnd } from "../../Harness.ts"
import { temporaryFolder } from "../stage/Stores.ts"

/** In the event loop, which then does nothing else, or on one of the runtime's threads. */
export type Sync = "in line" | "thread"

const flushOnThread = promisify(fdatasync)

export interface RawFile {
  readonly append: (line: string) => Promise<void>
}

export const open = (atEnd: AtEnd, sync: Sync): RawFile => {
  const file = openSync(join(temporaryFolder(atEnd), "lines"), "a")
  atEnd(() => closeSync(file))
  const flush = (): Promise<void> | void => (sync === "thread" ? flushOnThread(file) : fdatasyncSync(file))
  let lines: Array<string> = []
  let answers: Array<() => void> = []
  let isBusy = false

  const serve = async (): Promise<void> => {
    // On the next macrotask, so that all who were answered together meet in one sync.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (lines.length > 0) {
      const covered = answers
      writeSync(file, lines.join(""))
      lines = []
      answers = []
      await flush()
      for (const answer of covered) answer()
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    isBusy = false
  }

  return {
    append: (line) =>
      new Promise((resolve) => {
        lines.push(`${line}\n`)
        answers.push(resolve)
        if (isBusy) return
        isBusy = true
        void serve()
      }),
  }
}
