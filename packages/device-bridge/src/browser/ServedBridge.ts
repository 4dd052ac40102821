/** A bridge inside a worker, as its page sees it: carries out messages, and tells what happens. */
import type { Bridge } from "../bridge/Bridge.ts"
import type { SampleStream } from "../bridge/SampleStream.ts"
import { integer, text } from "../drivers/Row.ts"
import type { SqliteDatabase, SqliteDriver } from "../drivers/SqliteDriver.ts"
import type { SqliteWasmDriver } from "../drivers/SqliteWasm.ts"
import {
  type Answer,
  type Call,
  copiedError,
  type Sample,
  type ToPage,
  type ToWorker,
  type WaitingRange,
  type WorkerEvent,
} from "./Messages.ts"

/** The buffer's name inside its store. */
export const BUFFER = "buffer.sqlite"

/** How often the page is told what waits, so that it can be missed; in milliseconds. */
const MARK_EVERY_MILLIS = 1_000

export const tell = (message: ToPage): void => postMessage(message)

export const tellEvent = (event: WorkerEvent): void => {
  if (event._tag === "WritingFailed") tell({ _tag: "WritingFailed", failure: copiedError(event.error) })
  else tell({ _tag: "Event", event })
}

export class ServedBridge {
  readonly bridge: Bridge
  readonly #driver: SqliteWasmDriver
  readonly #streams = new Map<string, SampleStream>()
  /** The buffer's own connection: there can be no other, and what waits is read through it. */
  #database: SqliteDatabase | null = null
  #markTimer: ReturnType<typeof setTimeout> | null = null

  constructor(driver: SqliteWasmDriver, openBridge: (driver: SqliteDriver) => Bridge) {
    this.#driver = driver
    this.bridge = openBridge({
      ...driver,
      open: (path) => {
        const database = driver.open(path)
        if (path === BUFFER) this.#database = database
        return database
      },
    })
    this.#mark()
    this.bridge.subscribe((status) => {
      tell({ _tag: "Status", status })
      this.#markTimer ??= setTimeout(() => this.#mark(), MARK_EVERY_MILLIS)
    })
  }

  /** Does what needs no answer. What cannot be done is an event. */
  take(message: Exclude<ToWorker, { readonly _tag: "Open" | "Key" | "NoKey" | "Call" }>): void {
    switch (message._tag) {
      case "Record":
        for (const sample of message.samples) this.#telling(() => this.#record(sample))
        for (const packet of message.packets) this.#telling(() => this.bridge.recordRaw(packet))
        for (const [source, position] of message.cursors) this.#telling(() => this.bridge.moveCursor(source, position))
        break
      case "SetPower":
        this.bridge.setPower(message.power)
        break
      case "Resume":
        this.bridge.resume()
        break
    }
  }

  async answer(id: number, call: Call): Promise<void> {
    try {
      const answer = await this.#carryOut(call)
      tell({ _tag: "Answered", id, answer, status: this.bridge.status() })
    } catch (thrown) {
      tell({ _tag: "Failed", id, failure: copiedError(thrown) })
    }
  }

  #record([sensor, measured, atMillis, value, live]: Sample): void {
    if (typeof measured === "string") {
      this.bridge.record(sensor, measured, atMillis, value, { live })
      return
    }
    const id = JSON.stringify([measured.name, measured.unit, sensor])
    const stream = this.#streams.get(id) ?? this.bridge.stream({ kind: measured.name, unit: measured.unit, sensor })
    this.#streams.set(id, stream)
    stream.record(atMillis, value)
  }

  #telling(action: () => void): void {
    try {
      action()
    } catch (thrown) {
      tellEvent({ _tag: "SampleRefused", message: copiedError(thrown).message })
    }
  }

  async #carryOut(call: Call): Promise<Answer> {
    switch (call.method) {
      case "rawPackets":
        return this.bridge.rawPackets(call.afterId, call.limit)
      case "forgetRaw":
        return this.bridge.forgetRaw(call.upToId)
      case "suspend":
        await this.bridge.suspend()
        this.#mark()
        return null
      case "cursor":
        return this.bridge.cursor(call.source)
      case "flush":
        await this.bridge.flush()
        this.#mark()
        return null
      case "drained":
        await this.bridge.drained()
        this.#mark()
        return null
      case "close":
        return this.#close()
    }
  }

  async #close(): Promise<null> {
    try {
      await this.bridge.flush()
      this.#mark()
    } finally {
      if (this.#markTimer !== null) clearTimeout(this.#markTimer)
      this.#database = null
      try {
        await this.bridge.close()
      } finally {
        await this.#driver.release()
      }
    }
    return null
  }

  /** Tells the page what waits. */
  #mark(): void {
    if (this.#markTimer !== null) clearTimeout(this.#markTimer)
    this.#markTimer = null
    if (this.#database === null) return
    try {
      tell({ _tag: "Marked", marker: { atMs: Date.now(), waiting: waitingIn(this.#database) } })
    } catch {
      // A damaged buffer is the bridge's business; the next change brings the next mark.
    }
  }
}

const waitingIn = (database: SqliteDatabase): ReadonlyArray<WaitingRange> =>
  database
    .prepare("select incarnation, min(n) as first, max(n) as last from chunk group by incarnation")
    .all()
    .map((row) => ({
      incarnation: text(row, "incarnation"),
      first: integer(row, "first"),
      last: integer(row, "last"),
    }))
