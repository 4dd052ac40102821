/** The delivery's state machine in a model world, where the network does what networks do and every promise is checked. */
import { HighWaterMark } from "@paceline/core/kernel"
import type { TelemetryFrame } from "@paceline/core/wire"
import { expect } from "vitest"
import { type DeliveryState, initial, step } from "../src/delivery/DeliveryState.ts"
import { type Command, type Input, standardLimits as limits, type SentChunk } from "../src/delivery/Protocol.ts"

/** A bridge and a server with a network between them that does what networks do. */
export class World {
  state: DeliveryState = initial
  now = 0
  readonly waiting: Array<SentChunk> = []
  readonly appended: Array<string> = []
  readonly stored: Array<string> = []
  readonly setAside = new Set<string>()
  readonly marks = new Map<string, number>()
  incarnation = { opened: 1, id: "i1", last: 0 }
  /** Both directions of every connection ever made; frames of old ones may still arrive. */
  readonly lines: Array<{
    connection: number
    open: boolean
    up: Array<TelemetryFrame.TelemetryFrame>
    down: Array<TelemetryFrame.TelemetryFrame>
  }> = []
  readonly window: number

  constructor(window: number) {
    this.window = window
    this.give({ _tag: "Start" })
  }

  append(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = ++this.incarnation.last
      this.waiting.push({ incarnation: this.incarnation.id, n, opened: this.incarnation.opened, bytes: 1_000 })
      this.appended.push(`${this.incarnation.id}/${n}`)
    }
    this.give({ _tag: "Appended", waitingBytes: 1_000 * this.waiting.length })
  }

  /** The bridge's process dies and comes back. */
  restart(): void {
    for (const line of this.lines) line.open = false
    const opened = this.incarnation.opened + 1
    this.incarnation = { opened, id: `i${opened}`, last: 0 }
    this.state = { ...initial, connection: this.state.connection }
    this.give({ _tag: "Start" })
  }

  /** The network takes what is on its way in both directions. */
  cut(): void {
    const line = this.lines.at(-1)
    if (line === undefined || !line.open) return
    line.open = false
    line.up.length = 0
    line.down.length = 0
    this.give({ _tag: "Lost", connection: line.connection, reason: "cut" })
  }

  open(): void {
    this.give({ _tag: "Opened", connection: this.state.connection })
  }

  /** The server reads up to `count` frames of the oldest connection that has any. */
  up(count: number): void {
    const line = this.lines.find((candidate) => candidate.up.length > 0)
    for (const frame of line?.up.splice(0, count) ?? []) if (line !== undefined) this.serve(frame, line.down)
  }

  /** The bridge hears up to `count` frames; also of connections that it has given up. */
  down(count: number): void {
    const line = this.lines.find((candidate) => candidate.down.length > 0)
    for (const frame of line?.down.splice(0, count) ?? []) {
      this.give({ _tag: "Received", connection: line?.connection ?? 0, frame })
    }
  }

  /** The server repeats its last word. */
  repeat(): void {
    const down = this.lines.findLast((line) => line.down.length > 0)?.down
    const last = down?.at(-1)
    if (last?._tag === "Ack") down?.push(last)
  }

  problem(code: TelemetryFrame.ProblemCode): void {
    const line = this.lines.at(-1)
    if (line?.open) line.down.push({ _tag: "Problem", code, message: code })
  }

  wait(millis: number): void {
    this.now += millis
    this.give({ _tag: "Tick" })
  }

  private serve(frame: TelemetryFrame.TelemetryFrame, down: Array<TelemetryFrame.TelemetryFrame>): void {
    if (frame._tag === "Hello") {
      const marks = frame.waiting.map(({ incarnation }) => ({ incarnation, mark: this.marks.get(incarnation) ?? 0 }))
      down.push({ _tag: "Welcome", marks, window: this.window })
    }
    if (frame._tag !== "Chunk") return
    const { incarnation, n } = frame
    const verdict = HighWaterMark.offer(this.marks.get(incarnation) ?? 0, n)
    if (verdict._tag === "OutOfOrder") throw new Error(`out of order: ${incarnation}/${n}`)
    if (verdict._tag === "Accept") {
      this.marks.set(incarnation, n)
      this.stored.push(`${incarnation}/${n}`)
      if (n % 5 === 0) {
        this.setAside.add(`${incarnation}/${n}`)
        down.push({ _tag: "Quarantined", incarnation, n, reason: "odd" })
      }
    }
    down.push({ _tag: "Ack", incarnation, n: this.marks.get(incarnation) ?? 0 })
  }

  private give(input: Input): void {
    const { state, commands } = step(this.state, input, { now: this.now, random: 0.5, limits })
    this.state = state
    for (const command of commands) this.carryOut(command)
    if (this.state.link._tag === "Streaming") expect(this.state.link.inFlight.length).toBeLessThanOrEqual(this.window)
  }

  private carryOut(command: Command): void {
    const line = this.lines.at(-1)
    const { connection } = this.state
    switch (command._tag) {
      case "Dial":
        this.lines.push({ connection, open: true, up: [], down: [] })
        break
      case "HangUp":
        if (line !== undefined) line.open = false
        break
      case "SendHello": {
        const oldest = Map.groupBy(this.waiting, ({ incarnation }) => incarnation)
        const waiting = [...oldest].map(([incarnation, chunks]) => ({ incarnation, first: chunks[0]?.n ?? 0 }))
        line?.up.push({ _tag: "Hello", deviceId: "d", key: "k", waiting })
        const { id, last } = this.incarnation
        this.give({ _tag: "Greeted", connection, own: { incarnation: id, n: last } })
        break
      }
      case "SendChunks": {
        const { opened, n } = command.after ?? { opened: 0, n: 0 }
        const after = this.waiting.filter((c) => c.opened > opened || (c.opened === opened && c.n > n))
        // At most three at a time, and then the socket is full.
        const chunks = after.slice(0, Math.min(3, command.limit))
        for (const { incarnation, n } of chunks) {
          line?.up.push({ _tag: "Chunk", incarnation, n, crc: 0, payload: new Uint8Array() })
        }
        const congested = after.length > chunks.length && command.limit > 3
        this.give({ _tag: "Sent", connection, chunks, congested, drained: after.length === chunks.length })
        break
      }
      case "Acknowledge":
        // Never is anything deleted that the server does not have.
        expect(command.n).toBeLessThanOrEqual(this.marks.get(command.incarnation) ?? 0)
        this.remove((c) => c.incarnation === command.incarnation && c.n <= command.n)
        break
      case "Quarantine":
        expect(this.setAside).toContain(`${command.incarnation}/${command.n}`)
        this.remove((c) => c.incarnation === command.incarnation && c.n === command.n)
        break
      case "SendLive":
      case "SendHeartbeat":
        break
    }
  }

  private remove(goes: (chunk: SentChunk) => boolean): void {
    for (let i = this.waiting.length - 1; i >= 0; i--) if (goes(this.waiting[i]!)) this.waiting.splice(i, 1)
  }
}
