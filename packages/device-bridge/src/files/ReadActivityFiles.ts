/**
 * Reads files, folders and archives of activities in a thread of its own: the calling thread never waits for a file.
 *
 * Every file gives an activity or an error that says what to do, and no error stops the others. One activity at a
 * time is held; the next is read when `onFile` has finished with it.
 *
 * @example
 * const report = await readActivityFiles(["export.zip", "watch/"], {
 *   onFile: ({ name, result }) => console.log(name, "_tag" in result ? result.message : sampleCount(result)),
 * })
 * console.log(`${report.files} files, ${report.samples} samples, ${report.failed.length} could not be read`)
 */
import type { FileUnreadable } from "./Activity.ts"
import { ReaderThread } from "./ReaderThread.ts"
import { type ActivitySource, type FileOutcome, type ReadLimits, readSource, standardReadLimits } from "./ReadSource.ts"
import { sampleCount } from "./Recording.ts"

export interface ReadOptions {
  readonly limits?: Partial<ReadLimits>
  /** Stops after the file that is being read. */
  readonly signal?: AbortSignal
  /** Default true. False reads in the calling thread, which blocks it from file to file. */
  readonly inThread?: boolean
}

export interface ReadActivityFilesOptions extends ReadOptions {
  /** Called for each file in order; the next is read when it has come back. */
  readonly onFile?: (file: FileOutcome) => void | Promise<void>
}

/** What was read when it is over. */
export interface ReadSummary {
  /** Files in folders and archives that are no activity by their names. */
  readonly passedOver: number
  /** False where there is no thread for it: where it was asked for so, and where a bundler has left its program behind. */
  readonly inThread: boolean
  /** Whether it was ended by the signal. */
  readonly stopped: boolean
}

export interface FilesReport extends ReadSummary {
  /** Files that gave an activity. */
  readonly files: number
  /** In all of them. */
  readonly samples: number
  /** Files that gave none. */
  readonly failed: ReadonlyArray<{ readonly name: string; readonly error: FileUnreadable }>
}

/** Reads all sources, one file after the other. @throws what `onFile` throws */
export const readActivityFiles = async (
  sources: ReadonlyArray<ActivitySource>,
  options: ReadActivityFilesOptions = {},
): Promise<FilesReport> => {
  const failed: Array<FilesReport["failed"][number]> = []
  let files = 0
  let samples = 0
  const reading = activityFiles(sources, options)
  try {
    for (let next = await reading.next(); ; next = await reading.next()) {
      if (next.done === true) return { files, samples, failed, ...next.value }
      const { name, result } = next.value
      if ("_tag" in result) {
        failed.push({ name, error: result })
      } else {
        files++
        samples += sampleCount(result)
      }
      await options.onFile?.(next.value)
    }
  } finally {
    await reading.return({ passedOver: 0, inThread: false, stopped: true })
  }
}

/** The same, to be pulled file by file. */
export async function* activityFiles(
  sources: ReadonlyArray<ActivitySource>,
  options: ReadOptions = {},
): AsyncGenerator<FileOutcome, ReadSummary> {
  const limits = { ...standardReadLimits, ...options.limits }
  const open = () => (options.inThread === false ? null : ReaderThread.open())
  let thread = await open()
  const inThread = thread !== null
  const stopped = (): boolean => options.signal?.aborted === true
  let passedOver = 0
  try {
    for (const source of sources) {
      // The one that was there before may have died of a source.
      if (thread?.alive === false) thread = await open()
      const files = thread === null ? inThisThread(source, limits) : thread.read(source, limits)
      while (!stopped()) {
        const next = await files.next()
        if (next.done === true) {
          passedOver += next.value
          break
        }
        yield next.value
      }
      if (stopped()) return { passedOver, inThread, stopped: true }
    }
    return { passedOver, inThread, stopped: false }
  } finally {
    await thread?.close()
  }
}

/** Lets others have their turn between two files. */
async function* inThisThread(source: ActivitySource, limits: ReadLimits): AsyncGenerator<FileOutcome, number> {
  const files = readSource(source, limits)
  try {
    for (let next = files.next(); ; next = files.next()) {
      if (next.done === true) return next.value
      yield next.value
      await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    files.return(0)
  }
}
