/** What the program says while it runs: for people, or one JSON object a line for programs. */
import type { BridgeEvent, BridgeStatus } from "../bridge/Bridge.ts"
import type { Flags } from "./Flags.ts"

export interface Output {
  /** One line for the standard output. */
  readonly write: (line: string) => void
  /** One line for the standard error. */
  readonly writeError: (line: string) => void
}

export interface Reporter {
  readonly started: (bufferPath: string) => void
  readonly status: (status: BridgeStatus) => void
  readonly happened: (event: BridgeEvent) => void
  readonly drained: (status: BridgeStatus) => void
  readonly stopped: (status: BridgeStatus) => void
}

export const reporter = (flags: Flags, output: Output): Reporter =>
  flags.json ? jsonReporter(flags, output) : plainReporter(flags, output)

/** What a program needs to know of a status, under names that will stay. */
export const figures = (status: BridgeStatus) => ({
  connected: status.connected,
  state: status.state,
  transport: status.transport,
  recorded: status.recordedSamples,
  dropped: status.droppedSamples,
  pending: status.pendingSamples,
  waiting: status.waitingChunks,
  waitingBytes: status.waitingBytes,
  waitingGaps: status.waitingGaps,
  gapSamples: status.gapSamples,
  oldestWaitingAtMs: status.oldestWaitingAtMs,
  delivered: status.deliveredChunks,
  quarantined: status.quarantinedChunks,
  lastAckAtMs: status.lastAckAtMs,
  problem: status.lastProblem,
})

const jsonReporter = (flags: Flags, { write }: Output): Reporter => {
  const say = (event: string, fields: object): void => write(JSON.stringify({ event, ...fields }))
  return {
    started: (buffer) => say("started", { device: flags.deviceId, url: flags.url, buffer, athletes: flags.athletes }),
    status: (status) => say("status", figures(status)),
    happened: (event) => say(camelCase(event._tag), { message: sentence(event), ...facts(event) }),
    drained: (status) => say("drained", figures(status)),
    stopped: (status) => say("stopped", figures(status)),
  }
}

/** People are told at once what changes, and only so often, in milliseconds, that nothing has. */
export const QUIET_MILLIS = 10_000

const plainReporter = (flags: Flags, { write, writeError }: Output): Reporter => {
  let said = { state: "", atMs: 0 }
  return {
    started: (buffer) =>
      write(
        `${flags.athletes === 1 ? "1 strap" : `${flags.athletes} straps`} as device ${flags.deviceId}, ` +
          `to ${flags.url}; the buffer is ${buffer}. Stop with Ctrl-C: what waits is delivered next time.`,
      ),
    status: (status) => {
      const trouble = status.connected ? null : status.lastProblem
      // Each attempt may put the same trouble in other words.
      const state = `${status.state} ${trouble?.code}`
      const now = performance.now()
      if (state === said.state && now - said.atMs < QUIET_MILLIS) return
      said = { state, atMs: now }
      write(
        `${status.state}:${trouble === null ? "" : ` ${trouble.message}`} ${samples(status.recordedSamples)} recorded, ${chunks(status.waitingChunks)} waiting, ` +
          `${chunks(status.deliveredChunks)} delivered.`,
      )
    },
    happened: (event) => writeError(sentence(event)),
    drained: (status) => write(`The server has everything: ${chunks(status.deliveredChunks)} delivered.`),
    stopped: (status) =>
      write(
        status.waitingChunks === 0
          ? "Stopped; nothing waits."
          : `Stopped; ${chunks(status.waitingChunks)} ${status.waitingChunks === 1 ? "waits" : "wait"} in the buffer for the next start.`,
      ),
  }
}

export const count = (number: number): string => number.toLocaleString("en")

const samples = (number: number): string => (number === 1 ? "1 sample" : `${count(number)} samples`)

export const chunks = (number: number): string => (number === 1 ? "1 chunk" : `${count(number)} chunks`)

export const camelCase = (tag: string): string => tag.charAt(0).toLowerCase() + tag.slice(1)

/** The event in words that say what to do. */
export const sentence = (event: BridgeEvent): string => {
  switch (event._tag) {
    case "BufferSetAside":
      return `${event.path} was damaged (${event.reason}). It now lies at ${event.asidePath}; recording goes on in a new file.`
    case "WalMissing":
      return `The log of ${event.path} is missing after a crash: the last chunks written to it may be lost.`
    case "FlushesMayBeLost":
      return `${event.path} was not closed in order: what was flushed ${event.lastFlushAtMs === null ? "before" : `after ${new Date(event.lastFlushAtMs).toISOString()}`} may be lost if the power failed.`
    case "GapRecorded":
      return event.reason === "damaged"
        ? `The disk damaged ${count(event.samples)} samples; the server is told of the gap.`
        : `There was no room for ${count(event.samples)} samples (${event.reason}); the server is told of the gap.`
    case "WritingFailed":
      return event.error.message
    case "WritingWorksAgain":
      return "The buffer can be written again."
    case "SamplesTurnedAway":
      return "Memory for unwritten samples is full: samples are being lost until the disk takes them again."
    case "ChunkQuarantined":
      return `Chunk ${event.n} of ${event.incarnation} cannot be read (${event.reason}); it is kept in the buffer's table quarantine.`
    case "Refused":
      return `The server refuses this device (${event.problem.code}): ${event.problem.message} Recording goes on, and it is asked again.`
  }
}

/** The event's own fields, without what only this process can use. */
export const facts = (event: BridgeEvent): object => {
  switch (event._tag) {
    case "WritingFailed":
      return { error: event.error.name }
    case "Refused":
      return { code: event.problem.code }
    case "BufferSetAside":
      return { asidePath: event.asidePath }
    case "FlushesMayBeLost":
      return { lastFlushAtMs: event.lastFlushAtMs }
    case "GapRecorded":
      return { reason: event.reason, samples: event.samples, fromMillis: event.fromMillis, toMillis: event.toMillis }
    case "ChunkQuarantined":
      return { incarnation: event.incarnation, n: event.n, reason: event.reason }
    case "WalMissing":
    case "WritingWorksAgain":
    case "SamplesTurnedAway":
      return {}
  }
}
