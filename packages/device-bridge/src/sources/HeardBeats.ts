/**
 * The beats of a strap that were heard live, remembered until its log has been offloaded: so that the log fills what a
 * drop-out took, and adds no copies of the rest.
 *
 *     const heard = heardBeats(bridge, "strap-07")
 *     const strap = peripheral(bridge, { sensor: "strap-07", remember: heard })
 *     offload(bridge, { source: "strap-07", records, heard })
 *
 * They are kept as cursors of the bridge, in blocks, and each is written in the transaction that writes the beat: a
 * restart forgets none. The newest `BLOCKS × BEATS_IN_BLOCK` beats are kept, some three hours of exercise.
 */
import { isHole, type TimedBeat } from "./HeardAmong.ts"
import type { CursorBridge } from "./SourceBridge.ts"

const BEATS_IN_BLOCK = 256
const BLOCKS = 128

export interface HeardBeats {
  /** A beat that the bridge has taken; `atMillis` is its label. */
  add(beat: TimedBeat): void
  /** All that are remembered, in the order heard. */
  all(): ReadonlyArray<TimedBeat>
  /** Forgets these: they are in the log that was offloaded. `places` are places in `all()`. */
  forget(places: ReadonlySet<number>): void
}

/** What is remembered under this name in the bridge's buffer. */
export const heardBeats = (bridge: CursorBridge, source: string): HeardBeats => new StoredBeats(bridge, source)

class StoredBeats implements HeardBeats {
  readonly #bridge: CursorBridge
  readonly #source: string
  /** Each at most `BEATS_IN_BLOCK` long, oldest first; the last one is being filled. */
  #blocks: Array<Array<TimedBeat>> = []
  /** The number of the first block; block n lies in the slot n modulo `BLOCKS`. */
  #first = 0

  constructor(bridge: CursorBridge, source: string) {
    this.#bridge = bridge
    this.#source = source
    const [, first = "0", count = "0"] = /^(\d+)\+(\d+)$/.exec(bridge.cursor(this.#name("blocks")) ?? "") ?? []
    this.#first = Number(first)
    for (let n = 0; n < Math.min(BLOCKS, Number(count)); n++) {
      this.#blocks.push(parse(bridge.cursor(this.#slot(this.#first + n)) ?? ""))
    }
  }

  add(beat: TimedBeat): void {
    let block = this.#blocks.at(-1)
    if (block === undefined || block.length >= BEATS_IN_BLOCK) {
      block = []
      this.#blocks.push(block)
      if (this.#blocks.length > BLOCKS) {
        this.#blocks.shift()
        this.#first++
      }
      this.#saveCount()
    }
    block.push(beat)
    this.#bridge.moveCursor(this.#slot(this.#first + this.#blocks.length - 1), format(block))
  }

  all(): ReadonlyArray<TimedBeat> {
    return this.#blocks.flat()
  }

  forget(places: ReadonlySet<number>): void {
    if (places.size === 0) return
    const kept = this.all().filter((_, place) => !places.has(place))
    const before = this.#blocks.length
    this.#blocks = Array.from({ length: Math.ceil(kept.length / BEATS_IN_BLOCK) }, (_, n) =>
      kept.slice(n * BEATS_IN_BLOCK, (n + 1) * BEATS_IN_BLOCK),
    )
    for (let n = 0; n < before; n++) this.#bridge.moveCursor(this.#slot(this.#first + n), format(this.#blocks[n] ?? []))
    this.#saveCount()
  }

  #saveCount(): void {
    this.#bridge.moveCursor(this.#name("blocks"), `${this.#first}+${this.#blocks.length}`)
  }

  #slot(block: number): string {
    return this.#name(String(block % BLOCKS))
  }

  #name(part: string): string {
    return `heard/${this.#source}/${part}`
  }
}

/** Rows without holes: the time of the first beat, and after ":" the intervals in 1/1024 s, all in base 36. */
const format = (block: ReadonlyArray<TimedBeat>): string => {
  let text = ""
  for (const [n, beat] of block.entries()) {
    const ticks = Math.round(beat.rrIntervalSeconds * TICKS).toString(36)
    text += isHole(block[n - 1], beat)
      ? `${n === 0 ? "" : " "}${Math.round(beat.atMillis).toString(36)}:${ticks}`
      : `,${ticks}`
  }
  return text
}

const TICKS = 1024

const parse = (text: string): Array<TimedBeat> => {
  const beats: Array<TimedBeat> = []
  for (const row of text.split(" ")) {
    const [, start = "", ticks = ""] = /^(-?[0-9a-z]+):([0-9a-z,]+)$/.exec(row) ?? []
    let atMillis = Number.parseInt(start, 36)
    for (const [n, tick] of ticks.split(",").entries()) {
      const rrIntervalSeconds = Number.parseInt(tick, 36) / TICKS
      if (n > 0) atMillis += 1_000 * rrIntervalSeconds
      if (Number.isFinite(atMillis + rrIntervalSeconds)) beats.push({ atMillis, rrIntervalSeconds })
    }
  }
  return beats
}
