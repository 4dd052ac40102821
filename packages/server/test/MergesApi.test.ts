/** Merges over HTTP: whose they are, and what cannot be meant. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import { block, chunk, greet, seconds } from "./Bridge.ts"
import { type Answer, eventually, TestServer } from "./TestServer.ts"

/** Two athletes, each with a training of their own, and one of them with a second one. */
const trained = Effect.gen(function* () {
  const server = yield* TestServer
  const anna = yield* server.addAthlete({ alias: "Anna" })
  const bo = yield* server.addAthlete({ alias: "Bo" })
  const device = yield* server.addDevice({ "strap-01": anna.athleteId, "strap-02": bo.athleteId })
  const { bridge } = yield* greet(device)
  const training = (from: number, sensor: string) => [
    block("heartRate", seconds(from, from + 60, 150), sensor),
    block("activity", [[(from + 60) * 1000, 0]], sensor),
  ]
  bridge.say(chunk(1, [...training(0, "strap-01"), ...training(0, "strap-02")]))
  bridge.say(chunk(2, training(50_000, "strap-01")))
  yield* eventually(bridge.next, (frame) => frame._tag === "Ack" && frame.n === 2)
  const of = ({ athleteId }: { athleteId: string }, count: number) =>
    Effect.map(
      eventually(server.request("GET", `/v1/athletes/${athleteId}/workouts`), ({ body }) => body.length === count),
      ({ body }) => body.map(({ sessionId }: { sessionId: string }): string => sessionId),
    )
  return { server, anna, bo, annas: yield* of(anna, 2), bos: yield* of(bo, 1) }
})

const outcome = ({ body, status }: Answer) => [status, body._tag]

describe("Merges", () => {
  it.scopedLive("are made, read and taken apart by their athlete and the admin, and by nobody else", () =>
    Effect.gen(function* () {
      const { anna, annas, bo, server } = yield* trained
      const merges = `/v1/athletes/${anna.athleteId}/merges`
      const merge = (key?: string | null) => server.request("POST", merges, { sessions: annas }, key)
      expect(outcome(yield* merge(bo.key))).toEqual([403, "Forbidden"])
      expect(outcome(yield* merge(null))).toEqual([401, "Unauthorized"])
      const made = yield* merge(anna.key)
      expect(made).toMatchObject({ status: 201, body: { athleteId: anna.athleteId } })
      const part = (key?: string | null) => server.request("DELETE", `${merges}/${made.body.mergeId}`, undefined, key)
      for (const [key, refused] of [
        [bo.key, [403, "Forbidden"]],
        [null, [401, "Unauthorized"]],
      ] as const) {
        expect(outcome(yield* server.request("GET", merges, undefined, key))).toEqual(refused)
        expect(outcome(yield* part(key))).toEqual(refused)
      }
      // By the way of one's own, another's is not there.
      const byHerWay = yield* server.request(
        "DELETE",
        `/v1/athletes/${bo.athleteId}/merges/${made.body.mergeId}`,
        undefined,
        bo.key,
      )
      expect(outcome(byHerWay)).toEqual([404, "NotFound"])
      expect((yield* server.request("GET", merges, undefined, anna.key)).body).toHaveLength(1)
      expect(yield* part(anna.key)).toMatchObject({ status: 200, body: [{}, {}] })
      expect((yield* server.request("GET", merges)).body).toEqual([])
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("have no recordings of others, and none that are not there", () =>
    Effect.gen(function* () {
      const { anna, annas, bos, server } = yield* trained
      const merge = (...sessions: ReadonlyArray<unknown>) =>
        Effect.map(server.request("POST", `/v1/athletes/${anna.athleteId}/merges`, { sessions }, anna.key), outcome)
      expect(yield* merge(annas[0], bos[0])).toEqual([404, "NotFound"])
      expect(yield* merge(annas[0], "session-nobody")).toEqual([404, "NotFound"])
      expect(yield* merge(annas[0], annas[0])).toEqual([404, "NotFound"])
      expect(yield* merge(annas[0])).toEqual([400, "HttpApiDecodeError"])
      expect(yield* merge(annas[0], "../x")).toEqual([400, "HttpApiDecodeError"])
      expect((yield* server.request("GET", `/v1/athletes/${anna.athleteId}/workouts`)).body).toHaveLength(2)
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
