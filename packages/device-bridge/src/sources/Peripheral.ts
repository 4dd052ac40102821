/**
 * One Bluetooth sensor, fed with its notifications: parses them, and records what they say into a bridge.
 *
 *     const strap = peripheral(bridge, { sensor: "strap-07" })
 *     characteristic.addEventListener("characteristicvaluechanged", () => strap.notify("2a37", characteristic.value))
 *     device.addEventListener("gattserverdisconnected", () => strap.disconnected())
 *
 * All characteristics of one sensor go into one peripheral, in the order in which they arrive. `notify` never throws:
 * a packet that says nothing is counted in `status()`, with the error. It needs no Bluetooth stack, and runs wherever
 * the bridge does.
 */
import { type Characteristic, characteristicOf, type DateTime, type GattError, parse } from "../gatt/index.ts"
import type { HeardBeats } from "./HeardBeats.ts"
import { SensorDecoder } from "./SensorDecoder.ts"
import { type Recorder, recorderFor, type SourceBridge } from "./SourceBridge.ts"
import { follow, hostClock, labelOf, type SourceClock, type Timeline } from "./Timeline.ts"

export interface PeripheralOptions {
  /** The sensor's name on this device, 1 to 64 printable ASCII characters. */
  readonly sensor: string
  /** Around the wheel whose revolutions are counted, in metres. Default 2.105, a 700 × 25C road wheel. */
  readonly wheelCircumferenceMetres?: number
  /** A scale that several people use: only measurements of this user are taken. Default: of anybody. */
  readonly userId?: number
  /** Keep every packet as it came beside what it says, where the bridge does so. Default false. */
  readonly raw?: boolean
  /** The strap has a log that will be offloaded: what is heard live is remembered, so that it is not stored twice. */
  readonly remember?: HeardBeats
  /** Default the host's. */
  readonly clock?: SourceClock
}

export interface PeripheralStatus {
  /** Packets of known characteristics that were read. */
  readonly packets: number
  /** Samples that the bridge took of them, and those it had no room for. */
  readonly samples: number
  readonly turnedAway: number
  /** Samples that are no kind's, for a bridge that takes no custom streams. */
  readonly unsupported: number
  /** Packets that say nothing, and why the last one does. */
  readonly badPackets: number
  readonly lastBad: GattError | null
  /** Packets of characteristics that are none of ours. */
  readonly unknownPackets: number
  /** Records of a fitness machine of which a part never came. */
  readonly lostRecords: number
  /** How often beats were lost on the way. */
  readonly beatGaps: number
  /** How far the strap's clock is ahead of this host's since its first beat; a drift of 8 s an hour is not unusual. */
  readonly beatsAheadMillis: number
  /** How far labels are ahead of the wall clock because it was set back, and how often it was set. */
  readonly clockAheadMillis: number
  readonly clockSteps: number
  /** Whether it feels skin; null when it has not told. */
  readonly contact: boolean | null
  readonly batteryPercent: number | null
  /** What went wrong in the bridge when it was given a sample, such as that it is closed. */
  readonly lastProblem: string | null
}

export interface Peripheral {
  readonly sensor: string
  /**
   * A notification, handed over as soon as it arrives. `uuid` as the Bluetooth stack tells it: 0x2a37, "2a37" or 128
   * bits. `atMillis` is when it arrived on the wall clock, milliseconds since the epoch, where the stack knows it
   * better than this moment; it only labels, and may jump. Never throws.
   */
  notify(uuid: string | number, bytes: Uint8Array | DataView | ArrayBuffer, atMillis?: number): void
  /** The connection is lost. The next notification begins anew, with the wall clock as it is then. */
  disconnected(): void
  /** An activity begins: distance and energy count from here, and the mark travels in order with the samples. */
  beginActivity(atMillis?: number): void
  endActivity(atMillis?: number): void
  status(): PeripheralStatus
}

export const peripheral = (bridge: SourceBridge, options: PeripheralOptions): Peripheral =>
  new ConnectedPeripheral(bridge, options)

class ConnectedPeripheral implements Peripheral {
  readonly sensor: string
  readonly #bridge: SourceBridge
  readonly #clock: SourceClock
  readonly #decoder: SensorDecoder
  readonly #record: Recorder
  readonly #userId: number | undefined
  readonly #raw: boolean
  readonly #remember: HeardBeats | undefined
  #timeline: Timeline | undefined
  #packets = 0
  #samples = 0
  #turnedAway = 0
  #unsupported = 0
  #badPackets = 0
  #lastBad: GattError | null = null
  #unknownPackets = 0
  #battery: number | null = null
  #clockSteps = 0
  #lastProblem: string | null = null

  constructor(bridge: SourceBridge, options: PeripheralOptions) {
    const { sensor, wheelCircumferenceMetres = 2.105, raw = false, clock = hostClock } = options
    this.sensor = sensor
    this.#bridge = bridge
    this.#record = recorderFor(bridge, sensor)
    this.#clock = clock
    this.#raw = raw
    this.#userId = options.userId
    this.#remember = options.remember
    this.#decoder = new SensorDecoder({ wheelCircumferenceMetres })
  }

  notify(uuid: string | number, given: Uint8Array | DataView | ArrayBuffer, atMillis?: number): void {
    const bytes = bytesOf(given)
    const characteristic = characteristicOf(uuid)
    const steadyMs = this.#clock.steadyMillis()
    const wallMs = atMillis ?? this.#clock.wallMillis()
    const timeline = this.#follow(steadyMs, wallMs)
    if (this.#raw) this.#keep(characteristic ?? String(uuid), labelOf(timeline, steadyMs), bytes)
    if (characteristic === undefined) {
      this.#unknownPackets++
      return
    }
    const heard = this.#decoder.take(characteristic, bytes, steadyMs)
    if ("_tag" in heard) {
      this.#badPackets++
      this.#lastBad = heard
      return
    }
    this.#packets++
    const measured = MEASURED_BY_SCALE.has(characteristic) ? scaleMeasurement(characteristic, bytes) : undefined
    if (measured !== undefined && this.#userId !== undefined && measured.userId !== this.#userId) return
    const scaleMs = measured?.measuredAt === undefined ? undefined : momentOf(measured.measuredAt, wallMs)
    for (const { stream, atMs, value } of heard) {
      if (stream === "battery") this.#battery = value
      const label = scaleMs ?? labelOf(timeline, atMs)
      const taken = this.#count(() => this.#record(stream, label, value))
      if (taken && stream === "rrInterval") this.#remember?.add({ atMillis: label, rrIntervalSeconds: value })
    }
  }

  disconnected(): void {
    this.#decoder.disconnected()
    this.#timeline = undefined
  }

  beginActivity(atMillis?: number): void {
    this.#decoder.restartTotals()
    this.#mark(1, atMillis)
  }

  endActivity(atMillis?: number): void {
    this.#mark(0, atMillis)
  }

  status(): PeripheralStatus {
    return {
      packets: this.#packets,
      samples: this.#samples,
      turnedAway: this.#turnedAway,
      unsupported: this.#unsupported,
      badPackets: this.#badPackets,
      lastBad: this.#lastBad,
      unknownPackets: this.#unknownPackets,
      lostRecords: this.#decoder.lostRecords,
      beatGaps: this.#decoder.beatGaps,
      beatsAheadMillis: this.#decoder.beatsAheadMillis,
      clockAheadMillis: this.#timeline?.aheadMillis ?? 0,
      clockSteps: this.#clockSteps,
      contact: this.#decoder.contact,
      batteryPercent: this.#battery,
      lastProblem: this.#lastProblem,
    }
  }

  #keep(source: string, atMillis: number, bytes: Uint8Array): void {
    this.#try(() => this.#bridge.recordRaw?.({ sensor: this.sensor, source, atMillis, bytes }))
  }

  #follow(steadyMs: number, wallMs: number): Timeline {
    const before = this.#timeline?.steps ?? 0
    this.#timeline = follow(this.#timeline, steadyMs, wallMs)
    this.#clockSteps += this.#timeline.steps - before
    return this.#timeline
  }

  #mark(value: number, atMillis: number | undefined): void {
    const steadyMs = this.#clock.steadyMillis()
    const timeline = this.#follow(steadyMs, atMillis ?? this.#clock.wallMillis())
    this.#count(() => this.#bridge.record(this.sensor, "activity", labelOf(timeline, steadyMs), value))
  }

  #count(record: () => boolean | "unsupported"): boolean {
    const taken = this.#try(record)
    if (taken === true) this.#samples++
    else if (taken === "unsupported") this.#unsupported++
    else this.#turnedAway++
    return taken === true
  }

  /** A notification comes when it likes, also after the bridge was closed: what is thrown then belongs to the status. */
  #try<A>(action: () => A): A | undefined {
    try {
      return action()
    } catch (thrown) {
      this.#lastProblem = thrown instanceof Error ? thrown.message : String(thrown)
      return undefined
    }
  }
}

const bytesOf = (given: Uint8Array | DataView | ArrayBuffer): Uint8Array => {
  if (given instanceof Uint8Array) return given
  if (given instanceof ArrayBuffer) return new Uint8Array(given)
  return new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
}

const MEASURED_BY_SCALE: ReadonlySet<Characteristic> = new Set(["2A9C", "2A9D"])

/** Whose measurement it is and when it was taken, where the scale says so: it may have remembered it for days. */
const scaleMeasurement = (
  characteristic: Characteristic,
  bytes: Uint8Array,
): { readonly measuredAt: DateTime | undefined; readonly userId: number | undefined } | undefined => {
  const measurement = parse<Characteristic>(characteristic, bytes)
  if (measurement._tag !== "Weight" && measurement._tag !== "BodyComposition") return undefined
  return { measuredAt: measurement.measuredAt, userId: measurement.userId ?? undefined }
}

/** A scale's clock says no zone, so the host's is taken; undefined when it has no date, or one in the future. */
const momentOf = ({ year, month, day, hours, minutes, seconds }: DateTime, wallMs: number): number | undefined => {
  if (year === 0 || month === 0 || day === 0) return undefined
  const moment = new Date(year, month - 1, day, hours, minutes, seconds).getTime()
  return Number.isSafeInteger(moment) && moment <= wallMs ? moment : undefined
}
