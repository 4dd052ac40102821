/**
 * Records files into a bridge, each exactly once.
 *
 * A file is known by the SHA-256 of its bytes, unpacked, and by the sensor it is recorded as. How far it was recorded
 * is a cursor that is stored in the transaction of the samples, so that an import which was killed goes on where it
 * was, and one that is repeated adds nothing: not for the same file under another name, and not for the same file
 * in an archive. What was imported is remembered as long as the buffer's file is kept.
 *
 * It may run on a bridge that records straps at the same time: nothing of a file is sent to screens, which would show
 * it as the present. Give the files a sensor name of their own: the end of an activity in a file ends what that sensor is
 * doing.
 *
 * @example
 * const report = await importFiles(bridge, ["export.zip"], { sensor: "watch" })
 * await bridge.drained()
 */
import type { Bridge } from "../bridge/Bridge.ts"
import type { Activity, FileUnreadable } from "./Activity.ts"
import { samplesInOrder } from "./ActivityOrder.ts"
import { activityFiles, type ReadOptions, type ReadSummary } from "./ReadActivityFiles.ts"
import type { ActivitySource, FileOutcome } from "./ReadSource.ts"

export interface ImportOptions extends ReadOptions {
  /** The name under which all samples are recorded; the server pairs it with the athlete. */
  readonly sensor: string
  /** Called for each file when what is said is on the disk. */
  readonly onFile?: (file: ImportedFile) => void
  /**
   * Waits while more than this waits in the buffer for the server, in bytes. Default 32 MiB. Keep it below half of the
   * bridge's `maxBufferBytes`, or samples would have to make room for each other.
   */
  readonly maxWaitingBytes?: number
}

/** What an import needs of a bridge. */
export type ImportBridge = Pick<
  Bridge,
  "record" | "stream" | "moveCursor" | "cursor" | "flush" | "status" | "subscribe"
>

export type ImportedFile =
  /** Recorded now; `samples` with the marks of its sessions, without those that an earlier run had recorded. */
  | { readonly _tag: "Imported"; readonly name: string; readonly activity: Activity; readonly samples: number }
  /** Recorded before, as a whole. */
  | { readonly _tag: "Known"; readonly name: string; readonly activity: Activity }
  | { readonly _tag: "Unreadable"; readonly name: string; readonly error: FileUnreadable }

export interface ImportReport extends ReadSummary {
  readonly imported: number
  readonly known: number
  /** Recorded now. */
  readonly samples: number
  readonly failed: ReadonlyArray<{ readonly name: string; readonly error: FileUnreadable }>
}

const MAX_WAITING_BYTES = 32 * 2 ** 20

/**
 * So many samples are recorded in one go, and flushed: as many as a chunk holds at most, some milliseconds of work.
 */
const SLICE_SAMPLES = 16_000

/** @throws what `Bridge.record` and `Bridge.flush` throw; all that was said to be imported is on the disk then */
export const importFiles = async (
  bridge: ImportBridge,
  sources: ReadonlyArray<ActivitySource>,
  options: ImportOptions,
): Promise<ImportReport> => {
  const failed: Array<ImportReport["failed"][number]> = []
  let [imported, known, samples] = [0, 0, 0]
  const files = activityFiles(sources, options)
  try {
    for (let next = await files.next(); ; next = await files.next()) {
      if (next.done === true) return { imported, known, samples, failed, ...next.value }
      const file = await importFile(bridge, next.value, options)
      if (file === null) return { imported, known, samples, failed, ...stoppedHere }
      if (file._tag === "Imported") {
        imported++
        samples += file.samples
      } else if (file._tag === "Known") known++
      else failed.push({ name: file.name, error: file.error })
      options.onFile?.(file)
    }
  } finally {
    await files.return(stoppedHere)
  }
}

const stoppedHere: ReadSummary = { passedOver: 0, inThread: true, stopped: true }

/** Null when it was stopped in the middle; the next import goes on there. */
const importFile = async (
  bridge: ImportBridge,
  { name, sha256, result }: FileOutcome,
  options: ImportOptions,
  samplesBefore = 0,
): Promise<ImportedFile | null> => {
  if ("_tag" in result) return { _tag: "Unreadable", name, error: result }
  const source = `file/${options.sensor}/${sha256}`
  const before = bridge.cursor(source)
  if (before === DONE) return { _tag: "Known", name, activity: result }
  const already = before === null ? 0 : Number(before)
  const record = recorder(bridge, options.sensor, result)
  const order = samplesInOrder(result)
  let taken = 0
  // A turn for others between two slices: also where they are only counted.
  for (let ended = false; !ended; ) {
    if (options.signal?.aborted === true) return null
    await roomIn(bridge, options)
    // From here to the cursor nothing else runs, so that no flush comes between a sample and the cursor that counts it.
    let refused = false
    for (let i = 0; i < SLICE_SAMPLES && !refused; i++) {
      const next = order.next()
      if (next.done === true) {
        ended = true
        break
      }
      if (taken >= already && !record(next.value.stream, next.value.atMs, next.value.value)) refused = true
      else taken++
    }
    if (taken > already || ended) bridge.moveCursor(source, ended ? DONE : String(taken))
    await bridge.flush()
    // What was refused is not counted, but it has left the sequence: begin again behind what was taken.
    if (refused) return importFile(bridge, { name, sha256, result }, options, samplesBefore + taken - already)
  }
  return { _tag: "Imported", name, activity: result, samples: samplesBefore + taken - already }
}

const DONE = "done"

const HISTORY = { live: false } as const

/** Takes the next sample of a file; false when there is no room for it now. */
type Take = (stream: Parameters<Bridge["record"]>[1] | number, atMs: number, value: number) => boolean

const recorder = (bridge: ImportBridge, sensor: string, activity: Activity): Take => {
  const custom = activity.custom.map(({ name, unit }) => bridge.stream({ kind: name, unit, sensor }))
  return (stream, atMs, value) =>
    typeof stream === "number"
      ? (custom[stream]?.record(atMs, value) ?? true)
      : bridge.record(sensor, stream, atMs, value, HISTORY)
}

/** Resolves when little enough waits for the server, the import is to stop, or the bridge was closed. */
const roomIn = async (
  bridge: ImportBridge,
  { maxWaitingBytes = MAX_WAITING_BYTES, signal }: ImportOptions,
): Promise<void> => {
  const hasRoom = (): boolean => {
    const { state, waitingBytes } = bridge.status()
    return waitingBytes <= maxWaitingBytes || state === "closed" || signal?.aborted === true
  }
  if (hasRoom()) return
  await new Promise<void>((resolve) => {
    const end = (): void => {
      if (!hasRoom()) return
      unsubscribe()
      signal?.removeEventListener("abort", end)
      resolve()
    }
    const unsubscribe = bridge.subscribe(end)
    signal?.addEventListener("abort", end)
  })
}
