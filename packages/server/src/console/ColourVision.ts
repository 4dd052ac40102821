/**
 * Measures what a palette promises: the contrast of text, and how far apart two colours look to eyes with and
 * without a colour-vision deficiency. Used by the tests of `theme.css`.
 *
 * Sources: contrast from WCAG 2.2 (relative luminance); simulation from G. M. Machado, M. M. Oliveira and
 * L. A. F. Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG 15(6),
 * 2009, at severity 1.0, in linear sRGB; distance in Oklab (B. Ottosson, 2020) times 100, where 2 is about the
 * smallest difference that is seen side by side.
 */

/** Linear sRGB, each from 0 to 1. */
export type Rgb = readonly [number, number, number]

export type Vision = "normal" | "protanopia" | "deuteranopia" | "tritanopia"

export const VISIONS: ReadonlyArray<Vision> = ["normal", "protanopia", "deuteranopia", "tritanopia"]

type Matrix = readonly [Rgb, Rgb, Rgb]

const SIMULATION: Record<Vision, Matrix> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

/** Reads `#rrggbb`. */
export const ofHex = (hex: string): Rgb => {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex)
  if (match === null) throw new RangeError(`not a colour like #1a2b3c: ${hex}`)
  const channel = (index: number) => linear(Number.parseInt(match[index] ?? "", 16) / 255)
  return [channel(1), channel(2), channel(3)]
}

const linear = (encoded: number): number => (encoded <= 0.04045 ? encoded / 12.92 : ((encoded + 0.055) / 1.055) ** 2.4)

/** The contrast ratio of WCAG, from 1 to 21. */
export const contrast = (a: Rgb, b: Rgb): number => {
  const [lighter, darker] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return ((lighter ?? 0) + 0.05) / ((darker ?? 0) + 0.05)
}

const luminance = ([r, g, b]: Rgb): number => 0.2126 * r + 0.7152 * g + 0.0722 * b

/** The colour as those eyes see it. */
export const seenWith = (vision: Vision, colour: Rgb): Rgb => {
  const clip = (value: number) => Math.min(1, Math.max(0, value))
  const [r, g, b] = times(SIMULATION[vision], colour)
  return [clip(r), clip(g), clip(b)]
}

/** How different two colours look, in hundredths of Oklab. */
export const distance = (a: Rgb, b: Rgb): number => {
  const [l1, a1, b1] = oklab(a)
  const [l2, a2, b2] = oklab(b)
  return 100 * Math.hypot(l1 - l2, a1 - a2, b1 - b2)
}

const oklab = (colour: Rgb): Rgb => {
  const [l, m, s] = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    colour,
  )
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    [Math.cbrt(l), Math.cbrt(m), Math.cbrt(s)],
  )
}

const times = ([x, y, z]: Matrix, [a, b, c]: Rgb): Rgb => {
  const row = ([p, q, r]: Rgb) => p * a + q * b + r * c
  return [row(x), row(y), row(z)]
}
