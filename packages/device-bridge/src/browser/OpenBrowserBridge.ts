/**
 * The page's end of the bridge. It holds nothing that must not be lost but the samples of the current turn of the
 * event loop, which go to the worker together.
 */

import type { BridgeEvent, BridgeStatus, SampleKind } from "../bridge/Bridge.ts"
import { BufferClosed } from "../buffer/Errors.ts"
import {
  BridgeFailure,
  type Call,
  type CopiedOptions,
  type Sample,
  type StorageEvicted,
  type ToPage,
  type ToWorker,
  type WorkerEvent,
} from "./Messages.ts"
import { readMarker, writeMarker } from "./StoreMarker.ts"

export interface BrowserBridgeOptions extends CopiedOptions {
  /** A worker of its own, whose program calls `serveBridge()`. It ends with the bridge. */
  readonly worker: Worker
  /** The name of the store in this origin; letters, digits, `-`, `_` and `.`. Default `paceline`. */
  readonly store?: string
  /** Where `sqlite3.wasm` is, when the bundler does not place it beside the worker's script by itself. */
  readonly wasmUrl?: string | URL
  /** Whether to ask the browser for storage that it does not throw away by itself. Some ask the user. Default true. */
  readonly persist?: boolean
  /** Things that people should know. Recording goes on after all of them but `WorkerFailed`. */
  readonly onEvent?: (event: BrowserBridgeEvent) => void
}

export type BrowserBridgeEvent =
  | BridgeEvent
  | StorageEvicted
  | Extract<WorkerEvent, { readonly _tag: "SampleRefused" }>
  /** The worker's program ended with an error of its own. Open the bridge anew. */
  | { readonly _tag: "WorkerFailed"; readonly message: string }

export interface BrowserBridge {
  /** Whether the browser has promised not to throw the store away when it is short of space. */
  readonly persistent: boolean
  /**
   * Takes one sample, as `Bridge.record` does. What cannot be stored is an event, `SampleRefused`.
   *
   * @throws BufferClosed
   */
  record(sensor: string, kind: SampleKind, atMillis: number, value: number): void
  /** Notes how far a source has been read; stored in one transaction with the samples recorded before it. */
  moveCursor(source: string, position: string): void
  /** How far the source has been read: where to go on after a reload. Null before the first `moveCursor`. */
  cursor(source: string): Promise<string | null>
  /** Resolves when all that was recorded is in the browser's storage. Rejects with a `BridgeFailure`. */
  flush(): Promise<void>
  /** As the worker last told it. */
  status(): BridgeStatus
  /** Calls the listener after each change, with the status then; gives back how to stop that. */
  subscribe(listener: (status: BridgeStatus) => void): () => void
  /** Resolves when all that was recorded before has been acknowledged by the server. */
  drained(): Promise<void>
  /** Flushes, gives the store free, and ends the worker. What waits stays for the next opening. */
  close(): Promise<void>
}

/**
 * Opens the store in the worker, and asks the browser to keep it.
 *
 * @throws BridgeFailure: `BufferOwned` when another tab has the store, `BufferFailed` where the browser has no such
 *   storage (it needs https or localhost), `BufferTooNew`, `BufferFull`; `WorkerFailed` when the worker does not load
 */
export const openBrowserBridge = async (options: BrowserBridgeOptions): Promise<BrowserBridge> => {
  const bridge = new PageBridge(options)
  await bridge.opened
  return bridge
}

type Settle = { readonly resolve: (answer: string | null) => void; readonly reject: (error: Error) => void }

class PageBridge implements BrowserBridge {
  /** Resolves when the worker has opened the store. */
  readonly opened: Promise<void>
  persistent = false
  readonly #worker: Worker
  readonly #store: string
  readonly #onEvent: (event: BrowserBridgeEvent) => void
  readonly #listeners = new Set<(status: BridgeStatus) => void>()
  readonly #calls = new Map<number, Settle>()
  #opening: Settle | null = null
  #lastCall = 0
  #samples: Array<Sample> = []
  #status: BridgeStatus | null = null
  #closing: Promise<void> | null = null

  constructor({
    worker,
    store = "paceline",
    wasmUrl,
    persist = true,
    onEvent = () => {},
    ...options
  }: BrowserBridgeOptions) {
    this.#worker = worker
    this.#store = store
    this.#onEvent = onEvent
    worker.addEventListener("message", this.#received)
    worker.addEventListener("error", this.#failed)
    // A page that is hidden may be frozen or ended without another word.
    document.addEventListener("visibilitychange", this.#flushHidden)
    addEventListener("pagehide", this.#flushHidden)
    void this.#persist(persist)
    this.opened = new Promise((resolve, reject) => {
      this.#opening = { resolve: () => resolve(), reject }
    })
    this.#send({
      _tag: "Open",
      store,
      wasmUrl: wasmUrl === undefined ? null : new URL(wasmUrl, location.href).href,
      options,
      marker: readMarker(store),
    })
  }

  record(sensor: string, kind: SampleKind, atMillis: number, value: number): void {
    if (this.#closing !== null) throw new BufferClosed()
    if (this.#samples.length === 0) queueMicrotask(() => this.#sendSamples())
    this.#samples.push([sensor, kind, atMillis, value])
  }

  moveCursor(source: string, position: string): void {
    if (this.#closing !== null) throw new BufferClosed()
    this.#sendSamples()
    this.#send({ _tag: "MoveCursor", source, position })
  }

  cursor(source: string): Promise<string | null> {
    return this.#call({ method: "cursor", source })
  }

  async flush(): Promise<void> {
    await this.#call({ method: "flush" })
  }

  status(): BridgeStatus {
    if (this.#status === null) throw new Error("The bridge is not open yet.")
    return this.#status
  }

  subscribe(listener: (status: BridgeStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async drained(): Promise<void> {
    await this.#call({ method: "drained" })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#post({ method: "close" })
    } finally {
      this.#end(new BufferClosed())
    }
  }

  #call(call: Call): Promise<string | null> {
    return this.#closing === null ? this.#post(call) : Promise.reject(new BufferClosed())
  }

  #post(call: Call): Promise<string | null> {
    this.#sendSamples()
    const id = ++this.#lastCall
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      this.#send({ _tag: "Call", id, call })
    })
  }

  #sendSamples(): void {
    if (this.#samples.length === 0) return
    this.#send({ _tag: "Record", samples: this.#samples })
    this.#samples = []
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  readonly #received = ({ data }: MessageEvent<ToPage>): void => {
    switch (data._tag) {
      case "Opened":
        this.#changed(data.status)
        this.#opening?.resolve(null)
        break
      case "OpenFailed":
        this.#opening?.reject(new BridgeFailure(data.failure))
        this.#end(new BridgeFailure(data.failure))
        break
      case "Answered":
        this.#changed(data.status)
        this.#settle(data.id)?.resolve(data.answer)
        break
      case "Failed":
        this.#settle(data.id)?.reject(new BridgeFailure(data.failure))
        break
      case "Status":
        this.#changed(data.status)
        break
      case "Event":
        this.#onEvent(data.event)
        break
      case "WritingFailed":
        this.#onEvent({ _tag: "WritingFailed", error: new BridgeFailure(data.failure) })
        break
      case "Marked":
        writeMarker(this.#store, data.marker)
        break
    }
  }

  readonly #failed = ({ message }: ErrorEvent): void => {
    const said = message || "its program could not be loaded"
    const failure = new BridgeFailure({ tag: "WorkerFailed", message: `The bridge's worker failed: ${said}` })
    this.#opening?.reject(failure)
    if (this.#status !== null) this.#onEvent({ _tag: "WorkerFailed", message: failure.message })
    this.#closing ??= Promise.resolve()
    this.#end(failure)
  }

  readonly #flushHidden = (): void => {
    if (document.visibilityState !== "hidden" || this.#closing !== null) return
    // What goes wrong with it is an event; nobody waits for this one.
    this.flush().catch(() => {})
  }

  #end(reason: Error): void {
    document.removeEventListener("visibilitychange", this.#flushHidden)
    removeEventListener("pagehide", this.#flushHidden)
    this.#worker.terminate()
    for (const { reject } of this.#calls.values()) reject(reason)
    this.#calls.clear()
    if (this.#status !== null) this.#changed({ ...this.#status, connected: false, state: "closed" })
  }

  #settle(id: number): Settle | undefined {
    const settle = this.#calls.get(id)
    this.#calls.delete(id)
    return settle
  }

  #changed(status: BridgeStatus): void {
    this.#status = status
    for (const listener of this.#listeners) listener(status)
  }

  async #persist(ask: boolean): Promise<void> {
    try {
      this.persistent = await (ask ? navigator.storage.persist() : navigator.storage.persisted())
    } catch {
      // A browser that does not know the question promises nothing.
    }
  }
}
