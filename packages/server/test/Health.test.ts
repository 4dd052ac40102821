/** Health and metrics of a whole server. */
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Duration, Effect, Fiber, Layer, Schema } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import type { GatewayOptions } from "../src/gateway/Gateway.ts"
import { readOpenMetrics } from "./OpenMetricsReader.ts"
import { eventually, TestServer } from "./TestServer.ts"

const Tickets = EventLog.topic("tickets", Schema.Struct({ seat: Schema.Int }))

const serverWith = (changes: Partial<GatewayOptions>) =>
  Layer.unwrapScoped(
    Effect.map(Layer.build(SqliteStore.layerTest()), (context) => {
      const store = Layer.succeedContext(context)
      return Layer.merge(TestServer.layerOn(store, changes), store)
    }),
  )

const publish = (...seats: ReadonlyArray<number>) =>
  EventLog.publish(
    Tickets,
    seats.map((seat) => ({ key: "rider", event: { seat } })),
  )

const doorman = (handle: Effect.Effect<void, Error>) =>
  Consumer.run({ group: "doorman", topic: Tickets, handle: () => handle }).pipe(Effect.forkScoped)

const readiness = Effect.flatMap(TestServer, (server) => server.request("GET", "/readyz", undefined, null))

describe("/readyz", () => {
  it.live("[log 53] turns red when a consumer stops, says which, and turns green when it goes on", () =>
    Effect.gen(function* () {
      const first = yield* doorman(Effect.void)
      yield* publish(1)
      yield* eventually(readiness, ({ body }) =>
        body.consumers.some(
          (lag: { group: string; committed: number }) => lag.group === "doorman" && lag.committed === 1,
        ),
      )
      // Nothing to read is no stall, however long it lasts.
      yield* Fiber.interrupt(first)
      yield* Effect.sleep(600)
      expect(yield* readiness).toMatchObject({ status: 200, body: { status: "ready" } })

      yield* publish(2)
      const [took, red] = yield* Effect.timed(eventually(readiness, ({ status }) => status === 503))
      expect(Duration.toMillis(took)).toBeGreaterThan(300)
      expect(red.body).toMatchObject({ status: "stalled" })
      expect(red.body.problems).toHaveLength(1)
      expect(red.body.problems[0]).toMatch(/^doorman on tickets\/0 has stood at 1 of 2 for \d+ s$/)
      const server = yield* TestServer
      const { body: groups } = yield* server.request("GET", "/v1/operations/groups")
      expect(groups.flatMap((one: { group: string; stalled: boolean }) => (one.stalled ? [one.group] : []))).toEqual([
        "doorman",
      ])

      yield* doorman(Effect.void)
      const green = yield* eventually(readiness, ({ status }) => status === 200)
      expect(green.body).toMatchObject({ status: "ready", problems: [] })
    }).pipe(Effect.scoped, Effect.provide(serverWith({ stalledAfterMillis: 400 }))),
  )

  it.live("[log 53] turns red within the bound also when nobody asks, for a handler that never comes back", () =>
    Effect.gen(function* () {
      yield* Consumer.run({
        group: "doorman",
        topic: Tickets,
        delivery: "at-least-once",
        drain: 0,
        handle: () => Effect.never,
      }).pipe(Effect.forkScoped)
      yield* publish(1)
      yield* Effect.sleep(1_200)
      expect(yield* readiness).toMatchObject({ status: 503, body: { status: "stalled" } })
    }).pipe(Effect.scoped, Effect.provide(serverWith({ stalledAfterMillis: 400 }))),
  )

  it.live("stays green while a group gets on, however far behind it is", () =>
    Effect.gen(function* () {
      yield* Consumer.run({
        group: "slow",
        topic: Tickets,
        delivery: "at-least-once",
        batchSize: 1,
        handle: () => Effect.sleep(50),
      }).pipe(Effect.forkScoped)
      yield* publish(...Array.from({ length: 200 }, (_, seat) => seat))
      for (let look = 0; look < 15; look++) {
        expect(yield* readiness).toMatchObject({ status: 200 })
        yield* Effect.sleep(100)
      }
      const { body } = yield* readiness
      const slow = body.consumers.find((lag: { group: string }) => lag.group === "slow")
      expect(slow.committed).toBeLessThan(slow.end)
    }).pipe(Effect.scoped, Effect.provide(serverWith({ stalledAfterMillis: 1_000 }))),
  )
})

describe("/metrics", () => {
  const scrape = Effect.fnUntraced(function* (key: string | null, accept = "application/openmetrics-text") {
    const { url } = yield* TestServer
    return yield* Effect.promise(async () => {
      const headers = { accept, ...(key === null ? {} : { authorization: `Bearer ${key}` }) }
      const response = await fetch(`${url}/metrics`, { headers })
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
    })
  })

  it.live("tells in valid OpenMetrics of lag, throughput, failures, waiting times and dead letters", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      yield* Consumer.run({
        group: "doorman",
        topic: Tickets,
        attempts: 1,
        handle: (batch) => (batch.some(({ event }) => event.seat === 13) ? Effect.fail(new Error("13")) : Effect.void),
      }).pipe(Effect.forkScoped)
      yield* publish(1, 2, 13)
      yield* UnitOfWork.run(Effect.flatMap(EventLog.EventLog, (log) => log.subscribe("nobody", "tickets")))
      yield* eventually(server.request("GET", "/v1/operations/dead-letters"), ({ body }) => body.length === 1)

      const { status, text, type } = yield* scrape(server.adminKey)
      expect([status, type]).toEqual([200, "application/openmetrics-text; version=1.0.0; charset=utf-8"])
      const families = readOpenMetrics(text)
      const measured = (family: string, sample: string, labels: Readonly<Record<string, string>>) =>
        families
          .find(({ name }) => name === family)
          ?.samples.find(
            ({ labels: own, name }) =>
              name === sample && Object.entries(labels).every(([key, value]) => own[key] === value),
          )?.value
      const own = { group: "doorman", topic: "tickets" }
      expect(measured("paceline_log_appended", "paceline_log_appended_total", { topic: "tickets" })).toBe(3)
      expect(measured("paceline_group_lag", "paceline_group_lag", own)).toBe(0)
      expect(measured("paceline_group_lag", "paceline_group_lag", { group: "nobody" })).toBe(3)
      expect(measured("paceline_group_stalled", "paceline_group_stalled", own)).toBe(0)
      expect(measured("paceline_dead_letters_waiting", "paceline_dead_letters_waiting", own)).toBe(1)
      expect(measured("paceline_consumer_handled", "paceline_consumer_handled_total", own)).toBeGreaterThanOrEqual(2)
      expect(measured("paceline_consumer_failed", "paceline_consumer_failed_total", own)).toBeGreaterThanOrEqual(1)
      expect(measured("paceline_consumer_wait_millis", "paceline_consumer_wait_millis_count", own)).toBeGreaterThan(0)
      expect(measured("paceline_store_up", "paceline_store_up", {})).toBe(1)
      expect(measured("process_resident_memory_bytes", "process_resident_memory_bytes", {})).toBeGreaterThan(1e6)

      const plain = yield* scrape(server.adminKey, "*/*")
      expect(plain.type).toBe("text/plain; version=0.0.4; charset=utf-8")
      expect(plain.text).toContain("# TYPE paceline_log_appended_total counter\n")
    }).pipe(Effect.scoped, Effect.provide(serverWith({}))),
  )

  it.live("is for the admin's key only, and names no person", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId, key } = yield* server.addAthlete({ alias: "Mara" })
      expect((yield* scrape(null)).status).toBe(401)
      expect((yield* scrape("pl_nonsense")).status).toBe(401)
      expect((yield* scrape(key)).status).toBe(403)
      const { text } = yield* scrape(server.adminKey)
      expect(text).toContain("paceline_")
      expect(text).not.toContain(athleteId)
      expect(text).not.toContain("Mara")
    }).pipe(Effect.scoped, Effect.provide(serverWith({}))),
  )

  it.live("is for everybody where the server is told so", () =>
    Effect.gen(function* () {
      expect(yield* scrape(null)).toMatchObject({ status: 200 })
    }).pipe(Effect.scoped, Effect.provide(serverWith({ metrics: "open" }))),
  )
})
