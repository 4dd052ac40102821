import { Merge, Workout } from "@paceline/core/contract"
import { Schema } from "effect"
import { expect, it } from "vitest"
import { createClient, UnexpectedAnswer } from "./index.ts"

const figures = {
  athleteId: "anna",
  classId: "main",
  startedAtMs: 1_000,
  endedAtMs: 601_000,
  zoneMillis: [0, 0, 0, 600_000, 0, 0],
  effortPoints: 30,
  heartRateSamples: 600,
  meanHeartRateBpm: 141.5,
  highestHeartRateBpm: 160,
}
const recording = {
  sessionId: "session-a",
  deviceId: null,
  sensor: null,
  source: "watch",
  classId: "main",
  startedAtMs: 1_000,
  endedAtMs: 601_000,
  effortPoints: 30,
  shiftMillis: 0,
}
const merged = { sessionId: "merge-1", ...figures, mergedFrom: ["session-a", "session-b"] }
const merge = {
  mergeId: "merge-1",
  ...figures,
  recordings: [recording, { ...recording, sessionId: "session-b", source: "phone" }],
  streams: [],
  reasons: [],
}

/** As the server's own contract has it. */
const workout = Schema.decodeUnknownSync(Workout)(merged)
const activity = Schema.decodeUnknownSync(Merge)(merge)

/** A client whose server always answers this, and what it was asked. */
const answering = (body: unknown) => {
  const asked: Array<{ method: string | undefined; url: string; body: unknown; once: boolean }> = []
  const client = createClient({
    url: "http://gym.example",
    key: "pl_key",
    fetch: async (url, init) => {
      const headers = new Headers(init.headers)
      asked.push({ method: init.method, url, body: init.body ?? null, once: headers.has("idempotency-key") })
      return Response.json(body)
    },
  })
  return { activities: client.activities("anna"), asked }
}

const BASE = "http://gym.example/v1/athletes/anna"

it("reads workouts and merges", async () => {
  const workouts = answering([merged])
  expect(await workouts.activities.workouts()).toEqual([workout])
  const alone = { ...merged, mergedFrom: undefined, recordedBy: { deviceId: "d", sensor: "watch", source: "watch" } }
  expect((await answering([alone]).activities.workouts())[0]?.recordedBy?.source).toBe("watch")
  const merges = answering([merge])
  expect(await merges.activities.merges()).toEqual([activity])
  expect([...workouts.asked, ...merges.asked].map(({ method, url }) => [method, url])).toEqual([
    ["GET", `${BASE}/workouts`],
    ["GET", `${BASE}/merges`],
  ])
})

it("parts and puts together, each once however often it is sent", async () => {
  const parted = answering([{ ...merged, mergedFrom: undefined }])
  await parted.activities.part("merge-1")
  expect(parted.asked).toEqual([{ method: "DELETE", url: `${BASE}/merges/merge-1`, body: null, once: true }])
  const together = answering(merge)
  expect(await together.activities.merge(["session-a", "session-b"])).toEqual(activity)
  const body = JSON.stringify({ sessions: ["session-a", "session-b"] })
  expect(together.asked).toEqual([{ method: "POST", url: `${BASE}/merges`, body, once: true }])
})

it("refuses what it cannot show", async () => {
  for (const broken of [
    { zoneMillis: [1, 2] },
    { meanHeartRateBpm: "141" },
    { startedAtMs: null },
    { mergedFrom: 2 },
    { recordedBy: "watch" },
  ]) {
    await expect(answering([{ ...merged, ...broken }]).activities.workouts()).rejects.toBeInstanceOf(UnexpectedAnswer)
  }
  const unnamed = answering([{ ...merge, recordings: [{}] }])
  await expect(unnamed.activities.merges()).rejects.toBeInstanceOf(UnexpectedAnswer)
})
