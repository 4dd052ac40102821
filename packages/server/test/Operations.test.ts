/** The operations group of the API on a whole server: the log, its groups, and their dead letters. */
import { expect, it } from "@effect/vitest"
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect, Fiber, Layer, Schema } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { eventually, TestServer } from "./TestServer.ts"

/** A topic of the test's own, in three partitions. */
const Tickets = EventLog.topic("tickets", Schema.Struct({ seat: Schema.Int }))

const layer = Layer.unwrapScoped(
  Effect.gen(function* () {
    const context = yield* Layer.build(SqliteStore.layerTest({ topics: { tickets: { partitions: 3 } } }))
    const store = Layer.succeedContext(context)
    return Layer.merge(TestServer.layerOn(store), store)
  }),
)

const publish = (key: string, ...seats: ReadonlyArray<number>) =>
  EventLog.publish(
    Tickets,
    seats.map((seat) => ({ key, event: { seat } })),
  )

interface Letter {
  readonly id: string
}

/** What the server says of one group on the test's topic. */
const groupOf = Effect.fnUntraced(function* (group: string) {
  const server = yield* TestServer
  const { body } = yield* server.request("GET", "/v1/operations/groups")
  return body.find((one: { group: string; topic: string }) => one.group === group && one.topic === "tickets")
})

describe("GET /v1/operations/log", () => {
  it.live("names the topics, and reads records from an offset, a time, of a key, and page by page", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      for (let seat = 0; seat < 5; seat++) yield* publish(`rider-${seat % 3}`, seat)
      const topics = yield* server.request("GET", "/v1/operations/log")
      const tickets = topics.body.find(({ topic }: { topic: string }) => topic === "tickets")
      expect(tickets.partitions).toHaveLength(3)
      expect(tickets.partitions.reduce((sum: number, { end }: { end: number }) => sum + end, 0)).toBe(5)

      const read = (query: string) => server.request("GET", `/v1/operations/log/tickets?${query}`)
      const seats = ({ body }: { body: { records: ReadonlyArray<{ payload: { seat: number } }> } }) =>
        body.records.map(({ payload }) => payload.seat).toSorted()
      expect(seats(yield* read("from=start"))).toEqual([0, 1, 2, 3, 4])
      expect(seats(yield* read(""))).toEqual([0, 1, 2, 3, 4])
      expect((yield* read("from=end")).body).toMatchObject({ records: [], more: false })
      expect(seats(yield* read("from=1h"))).toEqual([0, 1, 2, 3, 4])
      expect(seats(yield* read(`from=${new Date(Date.now() + 60_000).toISOString()}`))).toEqual([])
      expect(seats(yield* read("from=start&key=rider-1"))).toEqual([1, 4])
      expect(seats(yield* read("key=rider-1&limit=1"))).toEqual([4])

      const first = yield* read("from=start&limit=3")
      expect(first.body).toMatchObject({ more: true })
      const second = yield* read(`from=${first.body.next}&limit=3`)
      expect(second.body).toMatchObject({ more: false })
      expect([...seats(first), ...seats(second)].toSorted()).toEqual([0, 1, 2, 3, 4])
      yield* publish("rider-9", 9)
      expect(seats(yield* read(`from=${second.body.next}`))).toEqual([9])
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )

  it.live("says what can be asked for when it is asked for something else, and answers the admin only", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const unknown = yield* server.request("GET", "/v1/operations/log/nonsense")
      expect(unknown).toMatchObject({ status: 404, body: { _tag: "NotFound" } })
      expect(unknown.body.message).toContain(`There is no topic "nonsense". There are: `)
      const place = yield* server.request("GET", "/v1/operations/log/tickets?from=yesterday")
      expect(place).toMatchObject({ status: 400, body: { _tag: "InvalidRequest" } })
      expect(place.body.message).toContain("start, end, an offset")
      expect((yield* server.request("GET", "/v1/operations/log/tickets?limit=5000")).body.message).toContain(
        "from 1 to 1000",
      )
      const { key } = yield* server.addAthlete({ alias: "Mara" })
      for (const path of ["log", "log/tickets", "groups", "dead-letters", "dead-letters/a/b"]) {
        expect(yield* server.request("GET", `/v1/operations/${path}`, undefined, key)).toMatchObject({ status: 403 })
        expect(yield* server.request("GET", `/v1/operations/${path}`, undefined, null)).toMatchObject({ status: 401 })
      }
      const seek = yield* server.request(
        "POST",
        "/v1/operations/groups/gamification/training/seek",
        { to: "start", confirm: true },
        key,
      )
      expect(seek.status).toBe(403)
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )
})

describe("GET /v1/operations/groups", () => {
  it.live("[log 28] counts what each group has done, failed and waits for, exactly", () =>
    Effect.gen(function* () {
      const { handled } = yield* consuming("doorman", (seat) => seat !== 13)
      yield* publish("rider-1", 1, 2, 3)
      yield* publish("rider-2", 13)
      const settled = yield* eventually(groupOf("doorman"), (one) => one?.deadLetters === 1 && one.waiting === 0)
      expect(settled).toMatchObject({ total: 4, done: 3, failed: 1, skipped: 0, lag: 0, parked: 0, percent: 100 })
      expect(settled.partitions).toHaveLength(3)
      expect(handled.toSorted()).toEqual([1, 2, 3])
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )
})

/** Runs a group that takes what `accept` takes, and gives up on the rest at once. */
const consuming = (group: string, accept: (seat: number) => boolean) =>
  Effect.gen(function* () {
    const handled: Array<number> = []
    const fiber = yield* Consumer.run({
      group,
      topic: Tickets,
      attempts: 1,
      handle: (batch) =>
        Effect.forEach(
          batch,
          ({ event: { seat } }) =>
            accept(seat) ? afterCommit(() => handled.push(seat)) : Effect.fail(new Error(`seat ${seat} is broken`)),
          { discard: true },
        ),
    }).pipe(Effect.forkScoped)
    return { handled, fiber }
  })

describe("POST /v1/operations/groups/…/seek", () => {
  it.live("[log 22] moves a running group back, which handles again what it passes again", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { handled } = yield* consuming("doorman", () => true)
      yield* publish("rider-1", 1, 2, 3)
      yield* eventually(groupOf("doorman"), (one) => one?.done === 3)
      const seek = (body: unknown) => server.request("POST", "/v1/operations/groups/doorman/tickets/seek", body)
      const unconfirmed = yield* seek({ to: "start" })
      expect(unconfirmed).toMatchObject({ status: 400 })
      expect(unconfirmed.body.message).toContain("confirm")
      expect(handled).toEqual([1, 2, 3])

      const { body, status } = yield* seek({ to: "start", confirm: true })
      expect(status).toBe(200)
      expect(body.map(({ before }: { before: number }) => before).toSorted()).toEqual([0, 0, 3])
      expect(body.map(({ after }: { after: number }) => after)).toEqual([0, 0, 0])
      yield* eventually(
        Effect.sync(() => handled),
        ({ length }) => length === 6,
      )
      expect(handled).toEqual([1, 2, 3, 1, 2, 3])
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )

  it.live("refuses what cannot be meant, and says why", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      yield* UnitOfWork.run(Effect.flatMap(EventLog.EventLog, (log) => log.subscribe("doorman", "tickets")))
      yield* publish("rider-1", 1)
      const messageOf = (path: string, body: unknown) =>
        Effect.map(
          server.request("POST", `/v1/operations/groups/${path}/seek`, body),
          (answer) => `${answer.status} ${answer.body.message}`,
        )
      expect(yield* messageOf("nobody/tickets", { to: "start", confirm: true })).toMatch(
        /^404 No consumer group "nobody" reads topic "tickets"\. There are: .*doorman on tickets/,
      )
      expect(yield* messageOf("doorman/tickets", { to: "1", confirm: true })).toContain("say which")
      expect(yield* messageOf("doorman/tickets", { to: "7", partition: 0, confirm: true })).toMatch(
        /^400 tickets\/0 holds offsets from 0 up to \d, not 7\.$/,
      )
      expect(yield* messageOf("doorman/tickets", { to: "start", partition: 9, confirm: true })).toContain(
        "no partition 9",
      )
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )

  it.live("forgets a group that nobody runs any more", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { fiber } = yield* consuming("doorman", () => true)
      yield* publish("rider-1", 1)
      yield* eventually(groupOf("doorman"), (one) => one?.done === 1)
      yield* Fiber.interrupt(fiber)
      expect((yield* server.request("DELETE", "/v1/operations/groups/doorman/tickets")).status).toBe(204)
      expect(yield* groupOf("doorman")).toBeUndefined()
      expect((yield* server.request("DELETE", "/v1/operations/groups/doorman/tickets")).status).toBe(404)
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )
})

describe("/v1/operations/dead-letters", () => {
  it.live("[log 31] keeps payload, error and attempts, and replays or drops on demand", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const broken = new Set([13, 14, 15])
      const { handled } = yield* consuming("doorman", (seat) => !broken.has(seat))
      yield* publish("rider-1", 13)
      yield* publish("rider-2", 14)
      yield* publish("rider-3", 15, 1)
      const list = server.request("GET", "/v1/operations/dead-letters/doorman/tickets")
      const { body: letters } = yield* eventually(list, ({ body }) => body.length === 3)
      expect(letters.map(({ payload }: { payload: { seat: number } }) => payload.seat).toSorted()).toEqual([13, 14, 15])
      expect(letters[0]).toMatchObject({ attempts: 1, topic: "tickets", group: "doorman", recordId: null })
      expect(letters[0].error).toContain("is broken")
      expect((yield* server.request("GET", "/v1/operations/dead-letters")).body).toEqual([
        { group: "doorman", topic: "tickets", letters: 3 },
      ])
      const paged = yield* server.request(
        "GET",
        `/v1/operations/dead-letters/doorman/tickets?limit=1&after=${letters[0].id}`,
      )
      expect(paged.body.map(({ id }: Letter) => id)).toEqual([letters[1].id])

      const at = (seat: number) =>
        `/v1/operations/dead-letters/doorman/tickets/${letters.find((one: { payload: { seat: number } }) => one.payload.seat === seat).id}`
      expect((yield* server.request("GET", at(13))).body.payload).toEqual({ seat: 13 })
      broken.delete(13)
      expect((yield* server.request("POST", `${at(13)}/replay`)).body).toEqual({ replayed: 1 })
      yield* eventually(
        Effect.sync(() => handled),
        (seats) => seats.includes(13),
      )
      const gone = yield* server.request("POST", `${at(13)}/replay`)
      expect(gone).toMatchObject({ status: 404, body: { _tag: "NotFound", what: "dead letter" } })

      expect((yield* server.request("DELETE", at(14))).body).toEqual({ dropped: 1 })
      broken.clear()
      expect((yield* server.request("POST", "/v1/operations/dead-letters/doorman/tickets/replay")).body).toEqual({
        replayed: 1,
      })
      const settled = yield* eventually(groupOf("doorman"), (one) => one.waiting === 0 && one.done === 3)
      expect(settled).toMatchObject({ total: 4, done: 3, failed: 1, deadLetters: 0 })
      expect((yield* server.request("GET", "/v1/operations/dead-letters")).body).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )

  it.live("drops all of a group, and no other's", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      yield* consuming("doorman", () => false)
      yield* consuming("usher", () => false)
      for (let seat = 0; seat < 5; seat++) yield* publish(`rider-${seat}`, seat)
      const counts = server.request("GET", "/v1/operations/dead-letters")
      yield* eventually(counts, ({ body }) =>
        ["doorman", "usher"].every((group) =>
          body.some((one: { group: string; letters: number }) => one.group === group && one.letters === 5),
        ),
      )
      const { body } = yield* server.request("DELETE", "/v1/operations/dead-letters/doorman/tickets")
      expect(body).toEqual({ dropped: 5 })
      expect((yield* counts).body).toEqual([{ group: "usher", topic: "tickets", letters: 5 }])
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )
})
