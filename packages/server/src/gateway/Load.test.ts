import { describe, expect, it } from "vitest"
import { pressureOf } from "./Load.ts"

describe("The pressure", () => {
  it("is 1 when every place of the API is taken, and more when others wait", () => {
    expect(pressureOf({ limit: 64, running: 0, waiting: 0 }, 0)).toBe(0)
    expect(pressureOf({ limit: 64, running: 32, waiting: 0 }, 0)).toBe(0.5)
    expect(pressureOf({ limit: 64, running: 64, waiting: 0 }, 0)).toBe(1)
    expect(pressureOf({ limit: 64, running: 64, waiting: 32 }, 0)).toBe(1.5)
  })

  it("is 1 too when a quarter of a second passes before what is due comes, though no place is taken", () => {
    expect(pressureOf({ limit: 64, running: 0, waiting: 0 }, 250)).toBe(1)
    expect(pressureOf({ limit: 64, running: 48, waiting: 0 }, 25)).toBe(0.75)
  })
})
