/**
 * The page's end of the bridge. It holds nothing that must not be lost but what was recorded in the current turn of
 * the event loop, which goes to the worker together.
 */
import type { BridgeStatus, RecordOptions, SampleKind } from "../bridge/Bridge.ts"
import { safely } from "../bridge/Listening.ts"
import { type SampleStream, type StreamOptions, sampleStream } from "../bridge/SampleStream.ts"
import type { Packet, StoredPacket } from "../buffer/ChunkBuffer.ts"
import { BufferClosed } from "../buffer/Errors.ts"
import type { Power } from "../delivery/Protocol.ts"
import type { BrowserBridge, BrowserBridgeEvent, BrowserBridgeOptions } from "./BrowserBridge.ts"
import {
  type Answer,
  BridgeFailure,
  type Call,
  copiedError,
  type Measured,
  type Sample,
  type ToPage,
  type ToWorker,
} from "./Messages.ts"
import { readMarker, writeMarker } from "./StoreMarker.ts"

type Settle = { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }

export class PageBridge implements BrowserBridge {
  /** Resolves when the worker has opened the store. */
  readonly opened: Promise<void>
  persistent = false
  readonly #worker: Worker
  readonly #store: string
  readonly #onEvent: (event: BrowserBridgeEvent) => void
  readonly #key: BrowserBridgeOptions["key"]
  readonly #listeners = new Map<object, (status: BridgeStatus) => void>()
  readonly #calls = new Map<number, Settle>()
  #opening: Settle | null = null
  #lastCall = 0
  #samples: Array<Sample> = []
  #packets: Array<Packet> = []
  #cursors = new Map<string, string>()
  #status: BridgeStatus | null = null
  #closing: Promise<void> | null = null

  constructor({
    worker,
    key,
    store = "paceline",
    wasmUrl,
    persist = true,
    onEvent = () => {},
    ...options
  }: BrowserBridgeOptions) {
    this.#worker = worker
    this.#store = store
    this.#key = key
    this.#onEvent = safely(onEvent)
    worker.addEventListener("message", this.#received)
    worker.addEventListener("error", this.#failed)
    // A page that is hidden may be frozen or ended without another word.
    document.addEventListener("visibilitychange", this.#flushHidden)
    addEventListener("pagehide", this.#flushHidden)
    document.addEventListener("freeze", this.#suspend)
    document.addEventListener("resume", this.#resume)
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

  record(sensor: string, kind: SampleKind, atMillis: number, value: number, options?: RecordOptions): boolean {
    return this.#take(sensor, kind, atMillis, value, options?.live !== false)
  }

  stream(options: StreamOptions): SampleStream {
    const ofKind = (measured: Measured) => (sensor: string, atMillis: number, value: number) =>
      this.#take(sensor, measured, atMillis, value, true)
    return sampleStream(options, ofKind, ofKind)
  }

  recordRaw(packet: Packet): boolean {
    this.#assertOpen()
    this.#sendSoon()
    // The sensor's stack may use the same bytes for its next packet.
    this.#packets.push({ ...packet, bytes: new Uint8Array(packet.bytes) })
    return true
  }

  async rawPackets(afterId: number, limit: number): Promise<ReadonlyArray<StoredPacket>> {
    const answer = await this.#call({ method: "rawPackets", afterId, limit })
    return typeof answer === "object" ? (answer ?? []) : []
  }

  async forgetRaw(upToId: number): Promise<number> {
    return Number(await this.#call({ method: "forgetRaw", upToId }))
  }

  moveCursor(source: string, position: string): void {
    this.#assertOpen()
    this.#sendSoon()
    this.#cursors.set(source, position)
  }

  async cursor(source: string): Promise<string | null> {
    const answer = await this.#call({ method: "cursor", source })
    return typeof answer === "string" ? answer : null
  }

  setPower(power: Power): void {
    this.#assertOpen()
    this.#send({ _tag: "SetPower", power })
  }

  async flush(): Promise<void> {
    await this.#call({ method: "flush" })
  }

  status(): BridgeStatus {
    if (this.#status === null) throw new Error("The bridge is not open yet.")
    return this.#status
  }

  subscribe(listener: (status: BridgeStatus) => void): () => void {
    const subscription = {}
    this.#listeners.set(subscription, safely(listener))
    return () => void this.#listeners.delete(subscription)
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

  #call(call: Call): Promise<Answer> {
    return this.#closing === null ? this.#post(call) : Promise.reject(new BufferClosed())
  }

  #post(call: Call): Promise<Answer> {
    this.#sendRecorded()
    const id = ++this.#lastCall
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      this.#send({ _tag: "Call", id, call })
    })
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new BufferClosed()
  }

  #take(sensor: string, measured: Measured, atMillis: number, value: number, live: boolean): boolean {
    this.#assertOpen()
    this.#sendSoon()
    this.#samples.push([sensor, measured, atMillis, value, live])
    return true
  }

  /** What one turn of the event loop records goes to the worker together. */
  #sendSoon(): void {
    if (this.#hasRecorded()) return
    queueMicrotask(() => this.#sendRecorded())
  }

  #sendRecorded(): void {
    if (!this.#hasRecorded()) return
    this.#send({ _tag: "Record", samples: this.#samples, packets: this.#packets, cursors: [...this.#cursors] })
    this.#samples = []
    this.#packets = []
    this.#cursors = new Map()
  }

  #hasRecorded(): boolean {
    return this.#samples.length + this.#packets.length + this.#cursors.size > 0
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
      case "KeyWanted":
        void this.#giveKey(data.id)
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

  /** The browser stops the page's timers and may end it: nothing is promised after this event. */
  readonly #suspend = (): void => {
    this.#call({ method: "suspend" }).catch(() => {})
  }

  readonly #resume = (): void => {
    if (this.#closing === null) this.#send({ _tag: "Resume" })
  }

  #end(reason: Error): void {
    document.removeEventListener("visibilitychange", this.#flushHidden)
    removeEventListener("pagehide", this.#flushHidden)
    document.removeEventListener("freeze", this.#suspend)
    document.removeEventListener("resume", this.#resume)
    this.#worker.terminate()
    for (const { reject } of this.#calls.values()) reject(reason)
    this.#calls.clear()
    if (this.#status !== null) this.#changed({ ...this.#status, connected: false, state: "closed" })
  }

  async #giveKey(id: number): Promise<void> {
    try {
      const key = typeof this.#key === "string" ? this.#key : await this.#key()
      this.#send({ _tag: "Key", id, key })
    } catch (thrown) {
      this.#send({ _tag: "NoKey", id, message: copiedError(thrown).message })
    }
  }

  #settle(id: number): Settle | undefined {
    const settle = this.#calls.get(id)
    this.#calls.delete(id)
    return settle
  }

  #changed(status: BridgeStatus): void {
    this.#status = status
    for (const listener of [...this.#listeners.values()]) listener(status)
  }

  async #persist(ask: boolean): Promise<void> {
    try {
      this.persistent = await (ask ? navigator.storage.persist() : navigator.storage.persisted())
    } catch {
      // A browser that does not know the question promises nothing.
    }
  }
}
