/**
 * Records what this process does to the files of a folder, so that a test can find out what a power cut would have left.
 *
 * It starts before the store opens. `mark` notes an answer that was given: what is marked must be there after any later
 * cut. The record survives the process, so it may be killed. Linux only: see `recorder.c`.
 */
import { cc } from "bun:ffi"
import { realpathSync } from "node:fs"
import { join } from "node:path"

export interface Recorder {
  /** Notes that `number`, a whole number from 0, was answered as done. */
  readonly mark: (number: number) => void
}

/** Begins to record what happens in `folder`, to be read from `log`, a file outside of it. */
export const record = (folder: string, log: string): Recorder => {
  const { symbols } = cc({
    source: join(import.meta.dirname, "recorder.c"),
    symbols: {
      install: { args: ["cstring", "cstring"], returns: "int" },
      mark: { args: ["u64"], returns: "void" },
    },
  })
  const text = (value: string) => Buffer.from(`${value}\0`)
  const changed = symbols.install(text(realpathSync(folder)), text(log))
  if (changed === 0)
    throw new Error("Writes cannot be recorded here: no call of the C library was found to stand between")
  return { mark: (number) => symbols.mark(BigInt(number)) }
}
