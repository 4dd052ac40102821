/**
 * The samples that are not on disk yet: gathered by sensor and kind, then sealed into encoded chunks.
 *
 * A chunk never holds samples that a sensor gave after it ended an activity in that same chunk. So whoever
 * reads a chunk may take an end mark as coming after all other samples of its sensor.
 */
import { Bundle, crc32, SensorKind } from "@paceline/core/wire"
import { SampleRefused } from "./Errors.ts"

/** A chunk without an identity: that is given when it is appended. */
export interface SealedChunk {
  readonly crc: number
  readonly payload: Uint8Array
  readonly sampleCount: number
}

/** A chunk is sealed when it holds this many samples, so that a frame stays far below a megabyte. */
const MAX_SAMPLES_IN_CHUNK = 16_384

interface OpenBlock {
  readonly sensor: string
  readonly kind: SensorKind.SensorKind
  readonly atMillis: Array<number>
  readonly values: Array<number>
}

export class Pending {
  readonly #maxSamples: number
  #blocks = new Map<string, OpenBlock>()
  #ended = new Set<string>()
  #openSamples = 0
  #sealed: Array<SealedChunk> = []
  #sealedSamples = 0

  /** @param maxSamples how many samples may wait in memory when the disk takes none */
  constructor(maxSamples: number) {
    this.#maxSamples = maxSamples
  }

  get sampleCount(): number {
    return this.#openSamples + this.#sealedSamples
  }

  /**
   * Adds a sample; false when there is no room for it. The marks of activities are few and are never turned away.
   *
   * @throws SampleRefused when the sensor's name, the kind or the time cannot be encoded
   */
  add(sensor: string, kind: SensorKind.SensorKind, atMillis: number, value: number): boolean {
    assertSample(sensor, kind, atMillis, value)
    if (this.sampleCount >= this.#maxSamples && kind !== "activity") return false
    if (this.#ended.has(sensor) || this.#openSamples >= MAX_SAMPLES_IN_CHUNK) this.#seal()
    const key = `${kind} ${sensor}`
    let block = this.#blocks.get(key)
    if (block === undefined) {
      block = { sensor, kind, atMillis: [], values: [] }
      this.#blocks.set(key, block)
    }
    block.atMillis.push(atMillis)
    block.values.push(value)
    this.#openSamples++
    if (kind === "activity" && value === SensorKind.ACTIVITY_ENDED) this.#ended.add(sensor)
    return true
  }

  /** All that waits, encoded, in the order recorded. It goes on waiting until `clear`. */
  chunks(): ReadonlyArray<SealedChunk> {
    this.#seal()
    return this.#sealed
  }

  /** Forgets what `chunks` gave: it is on disk now. */
  clear(): void {
    this.#sealed = []
    this.#sealedSamples = 0
  }

  #seal(): void {
    if (this.#openSamples === 0) return
    const payload = Bundle.encode([...this.#blocks.values()])
    this.#sealed.push({ crc: crc32(payload), payload, sampleCount: this.#openSamples })
    this.#sealedSamples += this.#openSamples
    this.#openSamples = 0
    this.#blocks = new Map()
    this.#ended = new Set()
  }
}

/** The server's rule for names of sensors. */
const SENSOR_NAME = /^[\x20-\x7e]{1,64}$/

const assertSample = (sensor: string, kind: string, atMillis: number, value: number): void => {
  if (!SENSOR_NAME.test(sensor)) {
    throw new SampleRefused(`The sensor name ${JSON.stringify(sensor)} is not 1 to 64 printable ASCII characters.`)
  }
  if (!Object.hasOwn(SensorKind.SENSOR_KINDS, kind)) {
    const kinds = Object.keys(SensorKind.SENSOR_KINDS).join(", ")
    throw new SampleRefused(`"${kind}" is no kind of sample. The kinds are ${kinds}.`)
  }
  if (!Number.isSafeInteger(atMillis)) {
    throw new SampleRefused(`${sensor}: the time ${atMillis} is not a whole number of milliseconds since the epoch.`)
  }
  if (typeof value !== "number") throw new SampleRefused(`${sensor}: the value ${String(value)} is not a number.`)
}
