/**
 * Packets as sensors sent them, kept beside the samples that were read from them, so that a better parser can read
 * them again: of a strap that nobody has met before, say.
 *
 * They stay on the device, in a table with a cap of its own, and the oldest go first. They do not travel: a packet is
 * many times as large as its samples, and the server could do nothing with it.
 */
import { blob, integer, text } from "../drivers/Row.ts"
import { SampleRefused } from "./Errors.ts"
import { assertSensor } from "./Pending.ts"
import type { Statements } from "./Statements.ts"

/** A packet that is to be kept. */
export interface Packet {
  readonly sensor: string
  /** What it came from, such as the characteristic `2A37`. */
  readonly source: string
  /** When it arrived, whole milliseconds since the epoch. */
  readonly atMillis: number
  readonly bytes: Uint8Array
}

export interface StoredPacket extends Packet {
  /** Counts the packets of this file; never used twice. */
  readonly id: number
}

/** One that the table does not take would hold up all that is flushed with it. @throws SampleRefused */
export const assertPacket = ({ atMillis, bytes, sensor, source }: Packet): void => {
  assertSensor(sensor)
  if (typeof source !== "string") throw new SampleRefused(`${sensor}: the packet's source is no text.`)
  if (!Number.isSafeInteger(atMillis)) {
    throw new SampleRefused(`${sensor}: the time ${atMillis} is not a whole number of milliseconds since the epoch.`)
  }
  if (!(bytes instanceof Uint8Array)) throw new SampleRefused(`${sensor}: the packet's bytes are no Uint8Array.`)
}

export class Packets {
  readonly #statements: Statements
  readonly #maxBytes: number
  #count: number
  #bytes: number

  /** @param maxBytes how many bytes of packets are kept */
  constructor(statements: Statements, maxBytes: number) {
    this.#statements = statements
    this.#maxBytes = maxBytes
    const { packets, bytes } = totals(statements.packetTotal.get())
    this.#count = packets
    this.#bytes = bytes
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps these, in the caller's transaction, and lets go of the oldest that are too many. */
  keep(packets: ReadonlyArray<Packet>): void {
    for (const { atMillis, bytes, sensor, source } of packets) {
      this.#statements.keepPacket.run(sensor, source, atMillis, bytes)
      this.#count++
      this.#bytes += bytes.length
    }
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#statements.oldestPacket.get()
      if (oldest === undefined) return
      this.#statements.forgetPackets.run(integer(oldest, "id"))
      this.#count--
      this.#bytes -= integer(oldest, "bytes")
    }
  }

  read(afterId: number, limit: number): ReadonlyArray<StoredPacket> {
    return this.#statements.packetsAfter.all(afterId, limit).map((row) => ({
      id: integer(row, "id"),
      sensor: text(row, "sensor"),
      source: text(row, "source"),
      atMillis: integer(row, "at_ms"),
      bytes: blob(row, "bytes"),
    }))
  }

  /** Lets go of those up to this one; says how many that were. */
  forget(upToId: number): number {
    const { changes } = this.#statements.forgetPackets.run(upToId)
    this.recount()
    return changes
  }

  /** Counts anew: after a transaction that did not commit. */
  recount(): void {
    const { packets, bytes } = totals(this.#statements.packetTotal.get())
    this.#count = packets
    this.#bytes = bytes
  }
}

const totals = (
  row: Parameters<typeof integer>[0] | undefined,
): { readonly packets: number; readonly bytes: number } => ({
  packets: integer(row ?? {}, "packets"),
  bytes: integer(row ?? {}, "bytes"),
})
