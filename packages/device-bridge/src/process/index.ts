/**
 * The bridge as a program: plays straps into a bridge until it is told to stop, or imports files (`import`). And what
 * needs the files and threads of a computer: `readActivityFiles` and `importFiles`, for programs of one's own.
 *
 * It may be killed at any moment and started again with the same flags: the playback goes on where the clock is,
 * what was recorded is delivered once, and each activity is ended once.
 *
 * @example
 * process.exitCode = await runBridge(process.argv.slice(2), processIo(bunSqlite()))
 */
import { join } from "node:path"
import type { Bridge, BridgeStatus } from "../bridge/Bridge.ts"
import { OpenBridge } from "../bridge/OpenBridge.ts"
import type { SampleStream } from "../bridge/SampleStream.ts"
import { BufferClosed } from "../buffer/Errors.ts"
import type { CustomStream } from "../buffer/Pending.ts"
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"
import { BUFFER_FILE, makeDataFolder } from "./DataFolder.ts"
import { Exit, exitCodeOf } from "./Exit.ts"
import { type Flags, HELP, parseFlags } from "./Flags.ts"
import { runImport } from "./Import.ts"
import * as Player from "./Player.ts"
import type { BridgeIo } from "./ProcessIo.ts"
import { type Reporter, reporter } from "./Reporter.ts"
import { loadStraps, type Strap } from "./Straps.ts"

export type { Activity, FileUnreadable } from "../files/Activity.ts"
export {
  type ImportBridge,
  type ImportedFile,
  type ImportOptions,
  type ImportReport,
  importFiles,
} from "../files/ImportFiles.ts"
export {
  activityFiles,
  type FilesReport,
  type ReadActivityFilesOptions,
  readActivityFiles,
} from "../files/ReadActivityFiles.ts"
export { type ActivitySource, type FileOutcome, type ReadLimits, standardReadLimits } from "../files/ReadSource.ts"
export { BUFFER_FILE } from "./DataFolder.ts"
export { datedFrom } from "./Player.ts"
export { type BridgeIo, processIo } from "./ProcessIo.ts"

/** How often straps are looked at, and how often the status is told, in real milliseconds. */
const TICK_MILLIS = 100
const STATUS_MILLIS = 500

/** What straps remember is played in such pieces, one a look, in milliseconds of their clock. */
const REMEMBERED_PIECE_MILLIS = 5 * 60_000

/** The cursor that says how far the playback has got. */
const CURSOR = "playback"

/** Runs until the signal, or until all is delivered with `--exit-when-drained`. Resolves to the exit code. */
export const runBridge = async (argv: ReadonlyArray<string>, io: BridgeIo): Promise<number> => {
  if (argv[0] === "import") return runImport(argv.slice(1), io)
  // Only who verifies needs the kit.
  if (argv[0] === "verify") return (await import("../verify/index.ts")).runVerify(argv.slice(1), io)
  const parsed = parseFlags(argv, io.env, Date.now())
  switch (parsed._tag) {
    case "Help":
      io.write(HELP.trimEnd())
      return Exit.ok
    case "Wrong":
      io.writeError(parsed.message)
      return Exit.usage
    case "Run":
      return run(parsed.flags, io)
  }
}

const run = async (flags: Flags, io: BridgeIo): Promise<number> => {
  const straps = loadStraps(flags)
  if ("_tag" in straps) {
    io.writeError(straps.message)
    return Exit.data
  }
  const noFolder = makeDataFolder(flags.dataFolder)
  if (noFolder !== null) {
    io.writeError(noFolder)
    return Exit.cannotCreate
  }
  const report = reporter(flags, io)
  try {
    const bridge = open(flags, io.driver, report)
    report.started(join(flags.dataFolder, BUFFER_FILE))
    return await operate(bridge, flags, straps, report, io.signal)
  } catch (thrown) {
    const code = exitCodeOf(thrown)
    if (code === null) throw thrown
    io.writeError(thrown instanceof Error ? thrown.message : String(thrown))
    return code
  }
}

const open = (flags: Flags, driver: SqliteDriver, report: Reporter): Bridge =>
  new OpenBridge({
    path: join(flags.dataFolder, BUFFER_FILE),
    driver,
    url: flags.url,
    deviceId: flags.deviceId,
    key: flags.key,
    flushMillis: flags.flushMillis,
    keepDelivered: flags.keepDelivered,
    onEvent: report.happened,
  })

/** Plays and tells until it is time to end, then closes the bridge whatever happened. */
const operate = async (
  bridge: Bridge,
  flags: Flags,
  straps: ReadonlyArray<Strap>,
  report: Reporter,
  signal: AbortSignal,
): Promise<number> => {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
  const telling = setInterval(() => report.status(bridge.status()), STATUS_MILLIS)
  const playing = playInto(bridge, { ...flags, straps })
  try {
    report.status(bridge.status())
    const delivered = playing.over
      .then(() => drained(bridge))
      .then((status) => status !== null && report.drained(status))
    // Without the flag the program stays, and delivers what else may come to wait; it has nothing more to record.
    await (flags.exitWhenDrained ? Promise.race([delivered, stopped]) : stopped)
  } finally {
    playing.stop()
    clearInterval(telling)
    await bridge.close()
  }
  report.stopped(bridge.status())
  return Exit.ok
}

/** The status when all is delivered, or null when the bridge was closed before. */
const drained = async (bridge: Bridge): Promise<BridgeStatus | null> => {
  try {
    await bridge.drained()
    return bridge.status()
  } catch (thrown) {
    if (thrown instanceof BufferClosed) return null
    throw thrown
  }
}

interface Playing {
  /** Resolves when the playback has come to its end, if it has one. */
  readonly over: Promise<void>
  readonly stop: () => void
}

const playInto = (bridge: Bridge, plan: Player.Plan): Playing => {
  if (plan.straps.length === 0) return { over: Promise.resolve(), stop: () => {} }
  const streams = new Map<string, SampleStream>()
  const streamOf = (sensor: string, { name, unit }: CustomStream): SampleStream => {
    const id = JSON.stringify([sensor, name, unit])
    const stream = streams.get(id) ?? bridge.stream({ kind: name, unit, sensor })
    streams.set(id, stream)
    return stream
  }
  const record = ({ samples, progress }: Player.Played): Player.Progress => {
    const presentFrom = Player.presentFrom(plan, Date.now())
    for (const { sensor, kind, atMillis, value } of samples) {
      if (typeof kind === "string") bridge.record(sensor, kind, atMillis, value, { live: atMillis >= presentFrom })
      else streamOf(sensor, kind).record(atMillis, value)
    }
    bridge.moveCursor(CURSOR, Player.format(progress))
    return progress
  }
  let progress = record(Player.begin(plan, Player.parse(bridge.cursor(CURSOR)), Date.now()))
  let ticking: ReturnType<typeof setInterval> | undefined
  const over = new Promise<void>((resolve) => {
    const tick = (): void => {
      const pieceEndsAt = plan.startedAtMs + (progress.playedMs + REMEMBERED_PIECE_MILLIS) / plan.speed
      if (!progress.ended) progress = record(Player.play(plan, progress, Math.min(Date.now(), pieceEndsAt)))
      if (!progress.ended) return
      clearInterval(ticking)
      resolve()
    }
    ticking = setInterval(tick, TICK_MILLIS)
    tick()
  })
  return { over, stop: () => clearInterval(ticking) }
}
