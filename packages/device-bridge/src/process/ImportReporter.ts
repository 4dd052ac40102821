/** What an import says: a line a file for people, or one JSON object a line for programs. */
import type { BridgeEvent, BridgeStatus } from "../bridge/Bridge.ts"
import type { Activity } from "../files/Activity.ts"
import type { ImportedFile, ImportReport } from "../files/ImportFiles.ts"
import type { ImportFlags } from "./ImportFlags.ts"
import { camelCase, chunks, count, facts, figures, type Output, QUIET_MILLIS, sentence } from "./Reporter.ts"

export interface ImportReporter {
  readonly file: (file: ImportedFile) => void
  readonly report: (report: ImportReport) => void
  readonly status: (status: BridgeStatus) => void
  readonly happened: (event: BridgeEvent) => void
  readonly drained: (status: BridgeStatus) => void
  readonly stopped: (status: BridgeStatus) => void
}

export const importReporter = (flags: ImportFlags, output: Output): ImportReporter =>
  flags.json ? jsonReporter(output) : plainReporter(output)

const jsonReporter = ({ write }: Output): ImportReporter => {
  const say = (event: string, fields: object): void => write(JSON.stringify({ event, ...fields }))
  return {
    file: (file) => say("file", fileFields(file)),
    report: ({ failed, ...rest }) => say("report", { ...rest, failed: failed.length }),
    status: (status) => say("status", figures(status)),
    happened: (event) => say(camelCase(event._tag), { message: sentence(event), ...facts(event) }),
    drained: (status) => say("drained", figures(status)),
    stopped: (status) => say("stopped", figures(status)),
  }
}

const fileFields = (file: ImportedFile): object => {
  const { name } = file
  if (file._tag === "Unreadable")
    return { status: "unreadable", name, reason: file.error.reason, message: file.error.message }
  const { format, sport, startedAtMs, durationMs, warnings } = file.activity
  const samples = file._tag === "Imported" ? file.samples : 0
  return {
    status: file._tag === "Imported" ? "imported" : "known",
    name,
    format,
    sport,
    startedAtMs,
    durationMs,
    samples,
    warnings,
  }
}

const plainReporter = ({ write, writeError }: Output): ImportReporter => {
  let said = { code: "", atMs: 0 }
  return {
    file: (file) => {
      if (file._tag === "Unreadable") return writeError(`${file.name}: ${file.error.message}`)
      for (const warning of file.activity.warnings) writeError(`${file.name}: ${warning}`)
      const what = file._tag === "Known" ? "imported before" : `${count(file.samples)} samples`
      write(`${file.name}: ${about(file.activity)}, ${what}`)
    },
    report: ({ failed, imported, known, passedOver, samples, stopped }) =>
      write(
        `${stopped ? "Stopped. " : ""}${files(imported)} imported with ${count(samples)} samples; ${count(known)} imported before, ` +
          `${count(failed.length)} could not be read, ${count(passedOver)} passed over.`,
      ),
    // Who waits wants to know for what.
    status: ({ connected, lastProblem, waitingChunks }) => {
      if (connected || lastProblem === null || waitingChunks === 0) return
      const now = performance.now()
      if (lastProblem.code === said.code && now - said.atMs < QUIET_MILLIS) return
      said = { code: lastProblem.code, atMs: now }
      writeError(
        `${chunks(waitingChunks)} ${waitingChunks === 1 ? "waits" : "wait"} for the server. ${lastProblem.message}`,
      )
    },
    happened: (event) => writeError(sentence(event)),
    drained: () => write("The server has everything."),
    stopped: ({ waitingChunks }) => {
      if (waitingChunks > 0) write(`${chunks(waitingChunks)} on the disk for the next start.`)
    },
  }
}

const files = (number: number): string => (number === 1 ? "1 file" : `${count(number)} files`)

/** Such as "cycling, 2026-03-01 08:00 UTC, 1:02:30". */
const about = ({ format, sport, startedAtMs, durationMs }: Activity): string => {
  const seconds = Math.round(durationMs / 1000)
  const two = (part: number): string => String(Math.floor(part)).padStart(2, "0")
  const started = Number.isNaN(new Date(startedAtMs).getTime())
    ? "at an impossible time"
    : `${new Date(startedAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC`
  return `${sport ?? format.toUpperCase()}, ${started}, ${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`
}
