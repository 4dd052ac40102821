import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { contrast, distance, ofHex, type Rgb, seenWith, VISIONS } from "./ColourVision.ts"

const css = readFileSync(new URL("./theme.css", import.meta.url), "utf8")

/** The colours of one theme, by token. */
const tokensOf = (theme: string): ReadonlyMap<string, Rgb> => {
  const block = new RegExp(`\\[data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? ""
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, hex]) => [name!, ofHex(hex!)]))
}

const ZONES = [0, 1, 2, 3, 4, 5]

describe("the measures", () => {
  it("are those of the sources", () => {
    expect(contrast(ofHex("#000000"), ofHex("#ffffff"))).toBeCloseTo(21, 5)
    expect(contrast(ofHex("#777777"), ofHex("#ffffff"))).toBeCloseTo(4.48, 2)
    expect(distance(ofHex("#ffffff"), ofHex("#000000"))).toBeCloseTo(100, 1)
    // A grey is a grey to everyone.
    for (const vision of VISIONS) {
      expect(distance(seenWith(vision, ofHex("#808080")), ofHex("#808080"))).toBeLessThan(0.1)
    }
    // Red and green of equal lightness: far apart, but hardly so without the middle cones.
    const red = ofHex("#d0453a")
    const green = ofHex("#6d8a00")
    expect(distance(red, green)).toBeGreaterThan(20)
    expect(distance(seenWith("deuteranopia", red), seenWith("deuteranopia", green))).toBeLessThan(8)
  })
})

describe.each(["dark", "light"])("in the %s theme", (theme) => {
  const tokens = tokensOf(theme)
  const colour = (name: string): Rgb => {
    const found = tokens.get(name)
    if (found === undefined) throw new Error(`theme.css has no --${name} for ${theme}`)
    return found
  }

  it.each(VISIONS)("any two zones are told apart with %s", (vision) => {
    const seen = ZONES.map((zone) => seenWith(vision, colour(`zone-${zone}`)))
    for (const a of ZONES) {
      for (const b of ZONES.slice(a + 1)) {
        expect(distance(seen[a]!, seen[b]!), `zones ${a} and ${b}`).toBeGreaterThanOrEqual(13)
      }
    }
  })

  it.each(VISIONS)("no zone looks like a tile that shows none with %s", (vision) => {
    for (const zone of ZONES) {
      for (const ground of ["page", "surface", "raised"]) {
        const apart = distance(seenWith(vision, colour(`zone-${zone}`)), seenWith(vision, colour(ground)))
        expect(apart, `zone ${zone} on ${ground}`).toBeGreaterThanOrEqual(8)
      }
    }
  })

  it.each(ZONES)("text on zone %i has a contrast of at least 4.5, whoever looks", (zone) => {
    for (const vision of VISIONS) {
      const seen = contrast(seenWith(vision, colour(`zone-${zone}`)), seenWith(vision, colour(`on-zone-${zone}`)))
      expect(seen, vision).toBeGreaterThanOrEqual(4.5)
    }
  })

  it.each(["text", "muted", "attention"])("%s has a contrast of at least 4.5 on every ground", (name) => {
    for (const ground of ["page", "surface", "raised"]) {
      expect(contrast(colour(name), colour(ground)), ground).toBeGreaterThanOrEqual(4.5)
    }
  })

  it("notices are readable, and the focus ring is seen", () => {
    expect(contrast(colour("attention-text"), colour("attention"))).toBeGreaterThanOrEqual(4.5)
    for (const ground of ["page", "surface", "raised"]) {
      expect(contrast(colour("focus"), colour(ground)), ground).toBeGreaterThanOrEqual(3)
    }
  })
})
