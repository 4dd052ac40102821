/**
 * The samples that are not on disk yet: gathered by sensor and stream, then sealed into encoded chunks.
 *
 * A chunk never holds samples that a sensor gave after it ended an activity in that same chunk. So whoever
 * reads a chunk may take an end mark as coming after all other samples of its sensor.
 */
import { Bundle, crc32, SensorKind } from "@paceline/core/wire"
import { SampleRefused } from "./Errors.ts"
import { bothLosses, type Loss } from "./Gaps.ts"

/** A chunk without an identity: that is given when it is appended. */
export interface SealedChunk {
  readonly crc: number
  readonly payload: Uint8Array
  readonly sampleCount: number
  /** Between which times its samples were measured, milliseconds since the epoch. */
  readonly fromMillis: number
  readonly toMillis: number
}

/** A stream that no profile covers; the name and the unit go with its samples. */
export interface CustomStream {
  readonly name: string
  readonly unit: string
}

/** A chunk is sealed when it holds this many samples, so that a frame stays far below a megabyte. */
const MAX_SAMPLES_IN_CHUNK = 16_384

/** And when it holds this many streams: each brings some hundred bytes of names. */
const MAX_BLOCKS_IN_CHUNK = 2_048

interface OpenBlock {
  readonly atMillis: Array<number>
  readonly values: Array<number>
}

/** Blocks of one sensor in the open chunk, by kind, or by what tells custom streams apart. */
interface OpenSensor {
  readonly blocks: Map<string, OpenBlock>
  ended: boolean
}

export class Pending {
  readonly #maxSamples: number
  #sensors = new Map<string, OpenSensor>()
  #bundle: Array<Bundle.Block> = []
  #openSamples = 0
  #sealed: Array<SealedChunk> = []
  #sealedSamples = 0
  #turnedAway: Loss | null = null

  /** @param maxSamples how many samples may wait in memory when the disk takes none */
  constructor(maxSamples: number) {
    this.#maxSamples = maxSamples
  }

  get sampleCount(): number {
    return this.#openSamples + this.#sealedSamples
  }

  /** Samples that there was no room for since the last `clear`. */
  get turnedAway(): Loss | null {
    return this.#turnedAway
  }

  /**
   * Adds a sample; false when there is no room for it. The marks of activities are few and are never turned away.
   *
   * @throws SampleRefused when the sensor's name, the kind or the time cannot be encoded
   */
  add(sensor: string, kind: SensorKind.SensorKind, atMillis: number, value: number): boolean {
    if (!Number.isSafeInteger(atMillis) || typeof value !== "number") refuseMeasured(sensor, atMillis, value)
    const open = this.#sensors.get(sensor)
    const block = open?.blocks.get(kind)
    // Nearly always: what has a block already has a name and a kind that are well.
    if (block !== undefined && kind !== "activity" && open?.ended === false && this.#hasRoom()) {
      this.#push(block, atMillis, value)
      return true
    }
    return this.#addFirst(sensor, kind, atMillis, value)
  }

  /** The same for a custom stream, whose name and unit are known to be well. */
  addCustom(sensor: string, stream: CustomStream, atMillis: number, value: number): boolean {
    if (!Number.isSafeInteger(atMillis) || typeof value !== "number") refuseMeasured(sensor, atMillis, value)
    if (this.sampleCount >= this.#maxSamples) return this.#turnAway(atMillis)
    // No kind has a space in its name.
    const key = `${stream.name} ${stream.unit}`
    this.#push(this.#blockOf(sensor, key, stream), atMillis, value)
    return true
  }

  /** All that waits, encoded, in the order recorded. It goes on waiting until `clear`. */
  chunks(): ReadonlyArray<SealedChunk> {
    this.#seal()
    return this.#sealed
  }

  /** Forgets what `chunks` and `turnedAway` gave: it is on disk now. */
  clear(): void {
    this.#sealed = []
    this.#sealedSamples = 0
    this.#turnedAway = null
  }

  /** Whether a sample may go into the open chunk as it is. */
  #hasRoom(): boolean {
    return this.#openSamples < MAX_SAMPLES_IN_CHUNK && this.#openSamples + this.#sealedSamples < this.#maxSamples
  }

  #addFirst(sensor: string, kind: SensorKind.SensorKind, atMillis: number, value: number): boolean {
    assertSensor(sensor)
    assertKind(kind)
    if (this.sampleCount >= this.#maxSamples && kind !== "activity") return this.#turnAway(atMillis)
    this.#push(this.#blockOf(sensor, kind, null), atMillis, value)
    const open = this.#sensors.get(sensor)
    if (open !== undefined && kind === "activity" && value === SensorKind.ACTIVITY_ENDED) open.ended = true
    return true
  }

  #turnAway(atMillis: number): false {
    this.#turnedAway = bothLosses(this.#turnedAway, { samples: 1, fromMillis: atMillis, toMillis: atMillis })
    return false
  }

  /** The stream's block in the open chunk; in a new one when this one is full, or ends the sensor's activity. */
  #blockOf(sensor: string, key: string, stream: CustomStream | null): OpenBlock {
    const open = this.#sensors.get(sensor)
    const block = open?.blocks.get(key)
    const full =
      this.#openSamples >= MAX_SAMPLES_IN_CHUNK || (block === undefined && this.#bundle.length >= MAX_BLOCKS_IN_CHUNK)
    if (block !== undefined && !full && open?.ended === false) return block
    if (full || open?.ended === true) this.#seal()
    return this.#openBlock(this.#openSensor(sensor), key, sensor, stream)
  }

  #openSensor(sensor: string): OpenSensor {
    const known = this.#sensors.get(sensor)
    if (known !== undefined) return known
    const fresh = { blocks: new Map<string, OpenBlock>(), ended: false }
    this.#sensors.set(sensor, fresh)
    return fresh
  }

  #openBlock(open: OpenSensor, key: string, sensor: string, stream: CustomStream | null): OpenBlock {
    const block = { atMillis: [], values: [] }
    open.blocks.set(key, block)
    if (stream !== null) this.#bundle.push({ sensor, kind: "custom", name: stream.name, unit: stream.unit, ...block })
    else if (SensorKind.isSensorKind(key)) this.#bundle.push({ sensor, kind: key, ...block })
    return block
  }

  #push(block: OpenBlock, atMillis: number, value: number): void {
    block.atMillis.push(atMillis)
    block.values.push(value)
    this.#openSamples++
  }

  #seal(): void {
    if (this.#openSamples === 0) return
    const payload = Bundle.encode(this.#bundle)
    const { fromMillis, toMillis } = spanOf(this.#bundle)
    this.#sealed.push({ crc: crc32(payload), payload, sampleCount: this.#openSamples, fromMillis, toMillis })
    this.#sealedSamples += this.#openSamples
    this.#openSamples = 0
    this.#bundle = []
    this.#sensors = new Map()
  }
}

/** Between which times the samples of a bundle were measured; of one without samples, infinities the wrong way round. */
export const spanOf = (bundle: Bundle.Bundle): { readonly fromMillis: number; readonly toMillis: number } => {
  let [fromMillis, toMillis] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { atMillis } of bundle) {
    for (const at of atMillis) {
      if (at < fromMillis) fromMillis = at
      if (at > toMillis) toMillis = at
    }
  }
  return { fromMillis, toMillis }
}

/** The server's rule for names of sensors. */
const SENSOR_NAME = /^[\x20-\x7e]{1,64}$/

/** @throws SampleRefused when no sensor can have this name */
export const assertSensor = (sensor: string): void => {
  if (typeof sensor === "string" && SENSOR_NAME.test(sensor)) return
  throw new SampleRefused(`The sensor name ${JSON.stringify(sensor)} is not 1 to 64 printable ASCII characters.`)
}

const assertKind = (kind: string): void => {
  if (Object.hasOwn(SensorKind.SENSOR_KINDS, kind)) return
  const kinds = Object.keys(SensorKind.SENSOR_KINDS).join(", ")
  throw new SampleRefused(`"${kind}" is no kind of sample. The kinds are ${kinds}; stream() takes others.`)
}

const refuseMeasured = (sensor: string, atMillis: number, value: unknown): never => {
  if (!Number.isSafeInteger(atMillis)) {
    throw new SampleRefused(`${sensor}: the time ${atMillis} is not a whole number of milliseconds since the epoch.`)
  }
  throw new SampleRefused(`${sensor}: the value ${String(value)} is not a number.`)
}
