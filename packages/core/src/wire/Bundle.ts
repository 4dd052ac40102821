/**
 * The telemetry codec: some seconds of many sensors as one compact byte string.
 *
 * Columns, not rows: the times of a block, then its values, each predicted and laid down in whatever is smallest. A
 * heart-rate strap costs a few bits a sample. Nothing is rounded: what is no count of any scale travels as float64,
 * so every value comes back as the same number, to the bit.
 *
 * `encode` writes version 2. `decode` reads versions 1 and 2, and is total: any bytes give a bundle or a
 * `BundleError`. It never throws, and whatever counts the bytes claim, it takes no more room than a fixed multiple of
 * their length and of `MAX_SAMPLES`.
 *
 * @example
 * const bytes = Bundle.encode([{ sensor: "strap-07", kind: "heartRate", atMillis: [t, t + 1000], values: [92, 93] }])
 * const bundle = Bundle.decode(bytes)
 * if ("_tag" in bundle) console.error(bundle.detail)
 *
 * @see `docs/telemetry.md` for the layout, byte by byte.
 */
import type { Bundle, BundleError } from "./Block.ts"
import { readVersion1 } from "./BundleV1.ts"
import { MAX_SAMPLES } from "./BundleV2.ts"
import { readVersion2 } from "./BundleV2Reader.ts"
import { writeVersion2 } from "./BundleV2Writer.ts"
import { ByteReader } from "./ByteReader.ts"

export type { Block, Bundle, BundleError, CustomBlock, KindBlock } from "./Block.ts"
export { MAX_SAMPLES } from "./BundleV2.ts"

/** The first byte of every bundle that is written. */
export const VERSION = 2

/** The version before, which is still read. */
const VERSION_1 = 1

/** How many samples the bundle holds, over all its blocks. */
export const sampleCount = (bundle: Bundle): number => {
  let samples = 0
  for (const block of bundle) samples += block.atMillis.length
  return samples
}

/**
 * The bytes of a bundle. The same bundle always gives the same bytes.
 *
 * @throws RangeError when it holds more than `MAX_SAMPLES`, or a block is none: its times and values differ in
 * length, a time is not a whole number, or a name has half a surrogate pair. Values may be any number, NaN and
 * infinities too.
 */
export const encode = (bundle: Bundle): Uint8Array<ArrayBuffer> => {
  assertBundle(bundle)
  return writeVersion2(VERSION, bundle)
}

/** The bundle, or a `BundleError` that says why the bytes are none. Total: never throws. */
export const decode = (bytes: Uint8Array): Bundle | BundleError => {
  const input = new ByteReader(bytes)
  const version = input.byte()
  if (version >= 0 && version !== VERSION && version !== VERSION_1) {
    return {
      _tag: "BundleError",
      reason: "unknown-version",
      detail: `bundle version ${version}, this side reads ${VERSION_1} and ${VERSION}`,
    }
  }
  const bundle = version === VERSION_1 ? readVersion1(input) : readVersion2(input)
  return input.problem === null ? bundle : { _tag: "BundleError", reason: "malformed", detail: input.problem }
}

const assertBundle = (bundle: Bundle): void => {
  const samples = sampleCount(bundle)
  if (samples > MAX_SAMPLES) throw new RangeError(`${samples} samples in one bundle, which may hold ${MAX_SAMPLES}`)
  for (const block of bundle) {
    const { atMillis, sensor, values } = block
    if (atMillis.length !== values.length) {
      throw new RangeError(`${sensor}: ${atMillis.length} times, but ${values.length} values`)
    }
    for (let i = 0; i < atMillis.length; i++) {
      if (!Number.isSafeInteger(atMillis[i])) {
        throw new RangeError(`${sensor}: the time ${atMillis[i]} is not a whole number of milliseconds`)
      }
    }
    assertText(sensor)
    if (block.kind === "custom") {
      assertText(block.name)
      assertText(block.unit)
    }
  }
}

const assertText = (text: string): void => {
  if (!text.isWellFormed()) throw new RangeError(`the name "${text}" has half a surrogate pair`)
}
