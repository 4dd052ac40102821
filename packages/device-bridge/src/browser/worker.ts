/**
 * The worker's end of the bridge in a browser: the whole bridge, on the origin's private files.
 *
 * @example
 * // the program of the worker, and all of it
 * import { serveBridge } from "@paceline/device-bridge/browser/worker"
 * serveBridge()
 */
import type { Bridge } from "../bridge/Bridge.ts"
import { OpenBridge } from "../bridge/OpenBridge.ts"
import { BufferOwned, bufferError } from "../buffer/Errors.ts"
import { integer, text } from "../drivers/Row.ts"
import { type SqliteDatabase, type SqliteDriver, SqliteFailure } from "../drivers/SqliteDriver.ts"
import { type SqliteWasmDriver, sqliteWasm } from "../drivers/SqliteWasm.ts"
import { type Call, copiedError, type ToPage, type ToWorker, type WaitingRange, type WorkerEvent } from "./Messages.ts"

/** The buffer's name inside its store. */
const BUFFER = "buffer.sqlite"

/** How often the page is told what waits, so that it can be missed; in milliseconds. */
const MARK_EVERY_MILLIS = 1_000

/** Waits for a page to open a bridge, and serves it until it closes. For the whole program of a worker. */
export const serveBridge = (): void => {
  let opened: Opened | null = null
  const receive = async (message: ToWorker): Promise<void> => {
    switch (message._tag) {
      case "Open":
        try {
          opened = await open(message)
          tell({ _tag: "Opened", status: opened.bridge.status() })
        } catch (thrown) {
          tell({ _tag: "OpenFailed", failure: copiedError(thrown) })
        }
        return
      case "Record":
        return opened?.record(message.samples)
      case "MoveCursor":
        return opened?.bridge.moveCursor(message.source, message.position)
      case "Call":
        return opened?.answer(message.id, message.call)
    }
  }
  addEventListener("message", ({ data }: MessageEvent<ToWorker>) => void receive(data))
}

const tell = (message: ToPage): void => postMessage(message)

const tellEvent = (event: WorkerEvent): void => {
  if (event._tag === "WritingFailed") tell({ _tag: "WritingFailed", failure: copiedError(event.error) })
  else tell({ _tag: "Event", event })
}

const open = async ({ store, wasmUrl, options, marker }: Extract<ToWorker, { _tag: "Open" }>): Promise<Opened> => {
  const driver = await own(store, wasmUrl)
  if (marker !== null && !driver.exists(BUFFER)) {
    tellEvent({ _tag: "StorageEvicted", store, lastSeenAtMs: marker.atMs, lost: marker.waiting })
  }
  try {
    return new Opened(driver, (watched) => {
      return new OpenBridge({ ...options, path: BUFFER, driver: watched, onEvent: tellEvent })
    })
  } catch (thrown) {
    await driver.release()
    throw thrown
  }
}

const own = async (store: string, wasmUrl: string | null): Promise<SqliteWasmDriver> => {
  try {
    return await sqliteWasm({ store, ...(wasmUrl === null ? {} : { wasmUrl }) })
  } catch (thrown) {
    if (thrown instanceof SqliteFailure && thrown.code === "SQLITE_BUSY") throw new BufferOwned(store, null)
    throw bufferError(store, thrown)
  }
}

class Opened {
  readonly bridge: Bridge
  readonly #driver: SqliteWasmDriver
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

  record(samples: Extract<ToWorker, { _tag: "Record" }>["samples"]): void {
    for (const sample of samples) {
      try {
        this.bridge.record(...sample)
      } catch (thrown) {
        tellEvent({ _tag: "SampleRefused", message: copiedError(thrown).message })
      }
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

  async #carryOut(call: Call): Promise<string | null> {
    switch (call.method) {
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
