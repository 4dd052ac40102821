/**
 * `paceline-bridge import`: reads files in a thread, records each once, waits until the server has them, and says
 * what came of each. It may be killed at any moment and started again.
 */
import { join } from "node:path"
import type { Bridge, BridgeEvent } from "../bridge/Bridge.ts"
import { OpenBridge } from "../bridge/OpenBridge.ts"
import { BufferClosed } from "../buffer/Errors.ts"
import { importFiles } from "../files/ImportFiles.ts"
import { BUFFER_FILE, makeDataFolder } from "./DataFolder.ts"
import { Exit, exitCodeOf } from "./Exit.ts"
import { IMPORT_HELP, type ImportFlags, parseImportFlags } from "./ImportFlags.ts"
import { type ImportReporter, importReporter } from "./ImportReporter.ts"
import type { BridgeIo } from "./ProcessIo.ts"

const STATUS_MILLIS = 500

/** Resolves to the exit code. */
export const runImport = async (argv: ReadonlyArray<string>, io: BridgeIo): Promise<number> => {
  const parsed = parseImportFlags(argv, io.env)
  switch (parsed._tag) {
    case "Help":
      io.write(IMPORT_HELP.trimEnd())
      return Exit.ok
    case "Wrong":
      io.writeError(parsed.message)
      return Exit.usage
    case "Run":
      return run(parsed.flags, io)
  }
}

const run = async (flags: ImportFlags, io: BridgeIo): Promise<number> => {
  const noFolder = makeDataFolder(flags.dataFolder)
  if (noFolder !== null) {
    io.writeError(noFolder)
    return Exit.cannotCreate
  }
  const report = importReporter(flags, io)
  const refused = new AbortController()
  try {
    const bridge = new OpenBridge({
      path: join(flags.dataFolder, BUFFER_FILE),
      driver: io.driver,
      url: flags.url,
      deviceId: flags.deviceId,
      key: flags.key,
      // What happened months ago is nothing for the wall.
      liveKinds: [],
      onEvent: (event) => {
        report.happened(event)
        if (isFinal(event)) refused.abort()
      },
    })
    const code = await operate(bridge, flags, report, AbortSignal.any([io.signal, refused.signal]))
    return refused.signal.aborted ? Exit.noPermission : code
  } catch (thrown) {
    const code = exitCodeOf(thrown)
    if (code === null) throw thrown
    io.writeError(thrown instanceof Error ? thrown.message : String(thrown))
    return code
  }
}

/** A wrong key does not become right by waiting. */
const isFinal = (event: BridgeEvent): boolean => event._tag === "Refused" && event.problem.code === "unauthorized"

const operate = async (
  bridge: Bridge,
  flags: ImportFlags,
  report: ImportReporter,
  signal: AbortSignal,
): Promise<number> => {
  const telling = setInterval(() => report.status(bridge.status()), STATUS_MILLIS)
  try {
    const imported = await importFiles(bridge, flags.paths, { sensor: flags.sensor, signal, onFile: report.file })
    report.report(imported)
    if (imported.stopped) return Exit.unavailable
    if (!flags.noWait) {
      if (!(await drained(bridge, signal))) return Exit.unavailable
      report.drained(bridge.status())
    }
    return imported.failed.length === 0 ? Exit.ok : Exit.data
  } finally {
    clearInterval(telling)
    await bridge.close()
    report.stopped(bridge.status())
  }
}

/** False when the signal came first. */
const drained = async (bridge: Bridge, signal: AbortSignal): Promise<boolean> => {
  const stopped = new Promise<false>((resolve) => {
    if (signal.aborted) resolve(false)
    signal.addEventListener("abort", () => resolve(false), { once: true })
  })
  const all = bridge.drained().then(
    () => true,
    (thrown) => {
      if (thrown instanceof BufferClosed) return false
      throw thrown
    },
  )
  return Promise.race([all, stopped])
}
