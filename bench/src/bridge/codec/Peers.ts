/**
 * What else samples could be kept and sent as. Each is given what favours it: rows hold a position or an acceleration
 * once, chunks hold times as distances from the first of the chunk, and Gorilla has as small a head as a bundle.
 */
import { deflateRawSync } from "node:zlib"
import { SensorKind } from "@paceline/core/wire"
import { pack } from "msgpackr"
import { blocksOf, type Signal } from "./Signals.ts"

/** Bytes of one JSON object a sample, a line each. */
export const jsonRows = (flush: ReadonlyArray<Signal>): number => {
  let bytes = 0
  for (const { atMillis, columns, sensor } of flush) {
    for (let i = 0; i < atMillis.length; i++) {
      const values = Object.fromEntries(columns.map(({ kind, values }) => [kind, values[i]]))
      bytes += JSON.stringify({ sensor, atMillis: atMillis[i], ...values }).length + 1
    }
  }
  return bytes
}

/** Bytes of one chunk of columns in msgpack, deflated. */
export const msgpackDeflate = (flush: ReadonlyArray<Signal>): number => {
  const firstAtMs = flush[0]?.atMillis[0] ?? 0
  const columns = flush.map(({ atMillis, columns, sensor }) => [
    sensor,
    atMillis.map((at) => at - firstAtMs),
    columns.map(({ kind, values }) => [SensorKind.SENSOR_KINDS[kind].code, values]),
  ])
  return deflateRawSync(pack([firstAtMs, columns]), { level: 9 }).length
}

/**
 * Bytes of the flush in Gorilla (Pelkonen et al., VLDB 2015, section 4.1): a series for each column, its timestamps as
 * deltas of deltas, its values as XOR of float64. The block begins with a 64-bit time; the names of sensors are written
 * once, and a series has a byte each for sensor, kind and count.
 */
export const gorilla = (flush: ReadonlyArray<Signal>): number => {
  const blocks = blocksOf(flush)
  const names = [...new Set(blocks.map(({ sensor }) => sensor))]
  const headBytes = 1 + names.reduce((sum, name) => sum + 1 + name.length, 0) + 1
  let bytes = headBytes
  for (const { atMillis, values } of blocks) {
    bytes += 3 + (values.length < 128 ? 0 : 1) + Math.ceil((timestampBits(atMillis) + valueBits(values)) / 8)
  }
  return bytes
}

const timestampBits = (times: ReadonlyArray<number>): number => {
  // The block's own time, and the first timestamp's distance from it.
  let bits = 64 + 14
  let lastDelta = 0
  for (let i = 1; i < times.length; i++) {
    const delta = (times[i] ?? 0) - (times[i - 1] ?? 0)
    const change = i === 1 ? delta : delta - lastDelta
    lastDelta = delta
    if (change === 0) bits += 1
    else if (change >= -63 && change <= 64) bits += 2 + 7
    else if (change >= -255 && change <= 256) bits += 3 + 9
    else if (change >= -2047 && change <= 2048) bits += 4 + 12
    else bits += 4 + 32
  }
  return bits
}

const valueBits = (values: ReadonlyArray<number>): number => {
  const words = new BigUint64Array(Float64Array.from(values).buffer)
  let bits = 64
  let [leading, trailing] = [65, 65]
  for (let i = 1; i < words.length; i++) {
    const xor = (words[i] ?? 0n) ^ (words[i - 1] ?? 0n)
    if (xor === 0n) {
      bits += 1
      continue
    }
    const text = xor.toString(2)
    // Five bits hold the number of leading zeros.
    const zeros = Math.min(31, 64 - text.length)
    const zerosBehind = text.length - (text.lastIndexOf("1") + 1)
    if (zeros >= leading && zerosBehind >= trailing) {
      bits += 2 + 64 - leading - trailing
    } else {
      leading = zeros
      trailing = zerosBehind
      bits += 2 + 5 + 6 + 64 - leading - trailing
    }
  }
  return bits
}
