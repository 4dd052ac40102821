import { describe, expect, test } from "vitest"
import type { Activity } from "./Activity.ts"
import { samplesInOrder } from "./ActivityOrder.ts"

const activity = (parts: Partial<Activity>): Activity => ({
  format: "fit",
  sport: null,
  creator: null,
  startedAtMs: 0,
  durationMs: 0,
  streams: [],
  sessions: [],
  laps: [],
  custom: [],
  records: 0,
  recordsWithoutTime: 0,
  warnings: [],
  ...parts,
})

const told = (parts: Partial<Activity>) =>
  [...samplesInOrder(activity(parts))].map(({ stream, atMs, value }) => `${stream} ${atMs} ${value}`)

const session = (startedAtMs: number, endedAtMs: number) => ({ sport: null, startedAtMs, endedAtMs })

describe("the samples of an activity", () => {
  const streams: Activity["streams"] = [
    { kind: "heartRate", atMillis: [1, 3, 3, 9], values: [60, 61, 62, 63] },
    { kind: "power", atMillis: [2, 3], values: [100, 101] },
  ]

  test("come in order of time over all streams, between the marks of their session", () => {
    const custom = [{ name: "temperature", unit: "°C", atMillis: [1], values: [20] }]
    expect(told({ streams, custom, sessions: [session(1, 9)] })).toEqual([
      "activity 1 1",
      "heartRate 1 60",
      "0 1 20",
      "power 2 100",
      "heartRate 3 61",
      "heartRate 3 62",
      "power 3 101",
      "heartRate 9 63",
      "activity 9 0",
    ])
  })

  test("belong to the session before until the next begins; a session without samples has no marks", () => {
    const sessions = [session(2, 2), session(3, 3), session(5, 6), session(8, 9)]
    expect(told({ streams, sessions }).filter((line) => line.startsWith("activity"))).toEqual([
      "activity 1 1",
      "activity 2 0",
      "activity 3 1",
      "activity 3 0",
      "activity 9 1",
      "activity 9 0",
    ])
  })

  test("of a day's monitoring have no marks", () => {
    expect(told({ streams: [{ kind: "steps", atMillis: [1], values: [5] }] })).toEqual(["steps 1 5"])
  })

  test("may be none", () => {
    expect(told({})).toEqual([])
  })
})
