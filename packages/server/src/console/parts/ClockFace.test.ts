import { expect, it } from "vitest"
import { clockFace, timeOfDay } from "./ClockFace.ts"

it.each([
  [0, "0:00"],
  [999, "0:00"],
  [23_000, "0:23"],
  [83_999, "1:23"],
  [3_599_999, "59:59"],
  [3_600_000, "1:00:00"],
  [36_125_000, "10:02:05"],
  [-5_000, "0:00"],
])("%d ms reads as %s", (millis, face) => {
  expect(clockFace(millis)).toBe(face)
})

it("the time of day has two digits each, in the screen's time zone", () => {
  expect(timeOfDay(new Date(2026, 10, 2, 7, 5).getTime())).toBe("07:05")
  expect(timeOfDay(new Date(2026, 10, 2, 18, 42).getTime())).toBe("18:42")
})
