/**
 * A server that exists to be cruel: it stores by high-water mark as the protocol asks, keeps what it got in memory,
 * misbehaves when told to, and notes every rule of the protocol that a bridge breaks.
 *
 * It knows no sockets: whoever listens (`listen` on Node and Bun, `Bun.serve` in tests) hands it lines and bytes. What
 * it stores are real chunks under the real rules, so whatever it has at the end can be held against what was recorded.
 *
 * @example
 * const server = new SimulatedServer({ key: "secret", losesAcks: true })
 * const door = await listen(server)
 * // … a bridge delivers to door.url …
 * server.behaviour.losesAcks = false
 * server.dropAll()
 */
import { HighWaterMark } from "@paceline/core/kernel"
import { Bundle, crc32, TelemetryFrame } from "@paceline/core/wire"

export interface Behaviour {
  /** The device's right key. */
  key: string
  /** How many chunks it lets a bridge send without an acknowledgement. */
  window: number
  /** Commits, but says so to nobody. */
  losesAcks: boolean
  /** Sends every acknowledgement twice. */
  repeatsAcks: boolean
  /** Reads nothing and says nothing. */
  silent: boolean
  /** Cannot store for the time being. */
  unavailable: boolean
  /** Speaks another version of the protocol. */
  otherVersion: boolean
  /** Acknowledges a thousand chunks more than it has: more than it was sent, also while several are on their way. */
  boasts: boolean
  /** Sets these numbers aside as unreadable. */
  cannotRead: ReadonlySet<number>
}

/** A sample as it was stored. `kind` is that of its block: a sensor kind, or the name of a custom stream. */
export interface StoredSample {
  readonly sensor: string
  readonly kind: string
  /** Milliseconds since the epoch, by the device's label. */
  readonly atMillis: number
  readonly value: number
}

/** One connection of a bridge, as whoever listens gives it. */
export interface Line {
  readonly send: (bytes: Uint8Array<ArrayBuffer>) => void
  /** Ends it in order. */
  readonly close: () => void
  /** Ends it at once, without a word. */
  readonly terminate: () => void
}

export class SimulatedServer {
  readonly behaviour: Behaviour = {
    key: "secret",
    window: 8,
    losesAcks: false,
    repeatsAcks: false,
    silent: false,
    unavailable: false,
    otherVersion: false,
    boasts: false,
    cannotRead: new Set(),
  }
  readonly stored: Array<TelemetryFrame.Chunk> = []
  readonly setAside: Array<TelemetryFrame.Chunk> = []
  readonly gaps: Array<TelemetryFrame.Gap> = []
  readonly live: Array<{ readonly atMs: number; readonly sensedAtMs: number; readonly bundle: Bundle.Bundle }> = []
  readonly hellos: Array<TelemetryFrame.Hello> = []
  readonly marks = new Map<string, number>()
  /** Rules of the protocol that a bridge broke, in words. */
  readonly faults: Array<string> = []
  /** Called after each chunk was dealt with, with how many have come so far: the moment to change the behaviour. */
  onChunk: (count: number) => void = () => {}
  /** Chunks that came again after they were stored. */
  redeliveries = 0
  /** The most chunks that were ever on their way without an acknowledgement. */
  mostUnacknowledged = 0
  #received = 0
  /** Of each identity that was received. */
  readonly #checksums = new Map<string, number>()
  #unacknowledged = 0
  readonly #lines = new Set<Line>()
  readonly #welcomed = new Set<Line>()

  constructor(behaviour: Partial<Behaviour> = {}) {
    Object.assign(this.behaviour, behaviour)
  }

  get connections(): number {
    return this.#lines.size
  }

  /** The values of all samples stored, in the order of storing. */
  get values(): Array<number> {
    return this.samples.map(({ value }) => value)
  }

  /** All samples stored, in the order of storing. */
  get samples(): Array<StoredSample> {
    return this.stored.flatMap(({ payload }) => {
      const bundle = Bundle.decode(payload)
      if ("_tag" in bundle) return []
      return bundle.flatMap((block) => {
        const { atMillis, sensor, values } = block
        const kind = block.kind === "custom" ? block.name : block.kind
        return Array.from(values, (value, i) => ({ sensor, kind, atMillis: atMillis[i] ?? Number.NaN, value }))
      })
    })
  }

  /** Has these chunks from the start, as a server that was there before. */
  restore(chunks: Iterable<TelemetryFrame.Chunk>): void {
    for (const chunk of chunks) {
      this.marks.set(chunk.incarnation, Math.max(chunk.n, this.marks.get(chunk.incarnation) ?? 0))
      this.#checksums.set(`${chunk.incarnation}/${chunk.n}`, chunk.crc)
      this.stored.push(chunk)
    }
  }

  /** A bridge connected. */
  joined(line: Line): void {
    this.#lines.add(line)
    this.#unacknowledged = 0
  }

  /** The connection is gone. */
  left(line: Line): void {
    this.#lines.delete(line)
    this.#welcomed.delete(line)
  }

  /** Ends every connection without a word, as a server that is killed does. */
  dropAll(): void {
    for (const line of this.#lines) line.terminate()
  }

  /** Says something to every bridge that is connected. */
  send(frame: TelemetryFrame.TelemetryFrame): void {
    for (const line of this.#lines) line.send(TelemetryFrame.encode(frame))
  }

  /** A message came; null for text, of which the protocol has none. */
  received(line: Line, bytes: Uint8Array | null): void {
    if (this.behaviour.silent) return
    const frame = bytes === null ? null : TelemetryFrame.decode(bytes)
    const answer = (reply: TelemetryFrame.TelemetryFrame): void => line.send(TelemetryFrame.encode(reply))
    if (frame === null || frame._tag === "FrameError") {
      this.fault(frame === null ? "it sent text" : `it sent what is no frame: ${frame.detail}`)
      return
    }
    switch (frame._tag) {
      case "Hello":
        this.#greeted(frame, answer, line)
        return
      case "Chunk":
        if (!this.#welcomed.has(line)) this.fault(`it sent chunk ${frame.n} before the welcome`)
        this.#offered(frame, answer)
        return
      case "Gap":
        if (!this.#welcomed.has(line)) this.fault(`it sent a gap up to ${frame.last} before the welcome`)
        this.#declared(frame, answer)
        return
      case "Heartbeat":
        if (!frame.echo) answer({ _tag: "Heartbeat", echo: true })
        return
      case "Live":
        this.#seen(frame)
        return
      default:
        this.fault(`it sent ${frame._tag}, which is for a server to send`)
    }
  }

  /** A bridge broke a rule. */
  protected fault(what: string): void {
    this.faults.push(what)
  }

  #seen({ payload, sensedAtMs }: TelemetryFrame.Live): void {
    const bundle = Bundle.decode(payload)
    if ("_tag" in bundle) this.fault(`its live readings are none: ${bundle.detail}`)
    else this.live.push({ atMs: Date.now(), sensedAtMs, bundle })
  }

  #greeted(hello: TelemetryFrame.Hello, answer: (reply: TelemetryFrame.TelemetryFrame) => void, line: Line): void {
    const { behaviour } = this
    this.hellos.push(hello)
    if (behaviour.otherVersion) {
      // The same envelope with another version number in front.
      const bytes = TelemetryFrame.encode({ _tag: "Heartbeat", echo: false })
      bytes[1] = 99
      line.send(bytes)
      return
    }
    if (hello.key !== behaviour.key) {
      answer({ _tag: "Problem", code: "unauthorized", message: "The key of this device is wrong." })
      line.close()
      return
    }
    const marks = hello.waiting.map(({ incarnation, first }) => {
      const { mark } = HighWaterMark.resume(this.marks.get(incarnation) ?? 0, first)
      this.marks.set(incarnation, mark)
      return { incarnation, mark }
    })
    this.#welcomed.add(line)
    answer({ _tag: "Welcome", marks, window: behaviour.window, speaks: [TelemetryFrame.features.gap] })
  }

  /** Numbers that nothing will come of: the mark passes them, as it would with their chunks. */
  #declared(gap: TelemetryFrame.Gap, answer: (reply: TelemetryFrame.TelemetryFrame) => void): void {
    const { first, incarnation, last } = gap
    const mark = this.marks.get(incarnation) ?? 0
    if (this.behaviour.unavailable) {
      answer({ _tag: "Problem", code: "unavailable", message: "The disk is full." })
      return
    }
    if (first > mark + 1) {
      answer({ _tag: "Problem", code: "out-of-order", message: `expected ${mark + 1}` })
      return
    }
    if (last > mark) {
      this.gaps.push(gap)
      this.marks.set(incarnation, last)
    }
    if (!this.behaviour.losesAcks) answer({ _tag: "Ack", incarnation, n: last })
  }

  #offered(chunk: TelemetryFrame.Chunk, answer: (reply: TelemetryFrame.TelemetryFrame) => void): void {
    const { behaviour } = this
    const { incarnation, n } = chunk
    this.#unacknowledged++
    this.#received++
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.#unacknowledged)
    if (behaviour.unavailable) {
      answer({ _tag: "Problem", code: "unavailable", message: "The disk is full." })
      return
    }
    const verdict = HighWaterMark.offer(this.marks.get(incarnation) ?? 0, n)
    if (verdict._tag === "OutOfOrder") {
      answer({ _tag: "Problem", code: "out-of-order", message: `expected ${verdict.expected}` })
      return
    }
    if (verdict._tag === "Duplicate") this.#again(chunk)
    else this.#accepted(chunk, answer)
    if (!behaviour.losesAcks) {
      this.#unacknowledged = 0
      for (let times = behaviour.repeatsAcks ? 2 : 1; times > 0; times--) {
        answer({ _tag: "Ack", incarnation, n: n + (behaviour.boasts ? 1_000 : 0) })
      }
    }
    this.onChunk(this.#received)
  }

  /** What comes again must be what came before, or two different chunks have one identity. */
  #again({ crc, incarnation, n }: TelemetryFrame.Chunk): void {
    this.redeliveries++
    const before = this.#checksums.get(`${incarnation}/${n}`)
    if (before !== undefined && before !== crc) this.fault(`chunk ${n} of ${incarnation} came twice with other bytes`)
  }

  #accepted(chunk: TelemetryFrame.Chunk, answer: (reply: TelemetryFrame.TelemetryFrame) => void): void {
    const { incarnation, n } = chunk
    this.marks.set(incarnation, n)
    this.#checksums.set(`${incarnation}/${n}`, chunk.crc)
    if (crc32(chunk.payload) !== chunk.crc || this.behaviour.cannotRead.has(n)) {
      this.setAside.push(chunk)
      answer({ _tag: "Quarantined", incarnation, n, reason: "unreadable" })
    } else this.stored.push(chunk)
  }
}
