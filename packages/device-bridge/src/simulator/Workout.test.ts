import { describe, expect, test } from "vitest"
import { intensities, workoutKinds } from "./Workout.ts"

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe.each(workoutKinds)("the workout %s", (kind) => {
  test.each([1, 2, 20, 120, 1_200, 3_600])("of %d seconds asks for something sensible in each", (seconds) => {
    const asked = intensities(kind, seconds, 420)
    expect(asked).toHaveLength(seconds)
    expect(asked.every((share) => share > 0.2 && share < 1.3)).toBe(true)
  })

  test("warms up, works and cools down", () => {
    const asked = intensities(kind, 3_600, 420)
    const warmUp = asked.slice(0, 420)
    expect(warmUp.every((share, i) => i === 0 || share > (warmUp[i - 1] ?? 0))).toBe(true)
    expect(mean(asked.slice(420, 3_300))).toBeGreaterThan(mean(warmUp))
    expect(mean(asked.slice(3_300))).toBeLessThan(mean(warmUp))
  })

  test("has hard and easy minutes in its main part", () => {
    const main = intensities(kind, 3_600, 420).slice(420, 3_300)
    expect(Math.max(...main)).toBeGreaterThan(0.95)
    expect(Math.min(...main)).toBeLessThan(0.7)
  })
})
