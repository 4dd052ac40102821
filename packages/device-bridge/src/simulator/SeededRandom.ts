/**
 * Random numbers that a seed fixes: the same seed gives the same numbers on every machine and engine.
 *
 * The generator is xoshiro128** (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators",
 * ACM TOMS 47, 2021; reference code xoshiro128starstar.c, public domain), seeded through the finaliser of
 * MurmurHash3 (A. Appleby, public domain) over a Weyl sequence, so that neighbouring seeds have nothing in common.
 * Not for secrets.
 */

export interface SeededRandom {
  /** A whole number from 0 to 2^32 - 1. */
  readonly uint32: () => number
  /** A number from `low` up to, but not, `high`. */
  readonly between: (low: number, high: number) => number
  /** Bell-shaped around 0, with standard deviation 1; never beyond 6. */
  readonly bell: () => number
  /** One of `choices`. */
  readonly pick: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
}

/** The generator for any whole number `seed`. Each `stream` of a seed is a sequence of its own. */
export const seededRandom = (seed: number, stream = 0): SeededRandom => {
  const uint32 = xoshiro128(stateOf(seed, stream))
  const unit = () => uint32() / 2 ** 32
  return {
    uint32,
    between: (low, high) => low + (high - low) * unit(),
    // The sum of twelve uniforms (Irwin–Hall) instead of Box–Muller: additions round alike in every engine,
    // logarithms and cosines need not.
    bell: () => {
      let sum = -6
      for (let i = 0; i < 12; i++) sum += unit()
      return sum
    },
    pick: (choices) => choices[Math.floor(unit() * choices.length)] ?? choices[0],
  }
}

export type State = readonly [number, number, number, number]

/** The bare generator from a state that is not all zeros. */
export const xoshiro128 = (state: State): (() => number) => {
  let [s0, s1, s2, s3] = state
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0
    const shifted = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotateLeft(s3, 11)
    return result
  }
}

const rotateLeft = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

const stateOf = (seed: number, stream: number): State => {
  const low = seed >>> 0
  const high = Math.floor(seed / 2 ** 32) >>> 0
  let weyl = mix(low ^ mix(high ^ mix(stream >>> 0)))
  const next = () => {
    weyl = (weyl + 0x9e3779b9) >>> 0
    return mix(weyl)
  }
  // Four successive outputs of a bijection are four different numbers: never all zeros.
  return [next(), next(), next(), next()]
}

/** MurmurHash3's 32-bit finaliser: a bijection in which every input bit reaches every output bit. */
const mix = (x: number): number => {
  let h = x
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
