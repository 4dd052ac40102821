/**
 * What request lifecycles promise on an adapter. Every adapter runs this suite.
 *
 * @example
 * requestLifecycleSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect, it } from "@effect/vitest"
import { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { RequestLifecycle } from "@paceline/core/workflow"
import { Context, Effect, Layer, Option, Schema, type Scope } from "effect"
import { type Bench, type DueWorkServices, freshKind, observed, pass } from "./DueWorkServices.ts"

const EFFECTS = "lifecycle-effects"

/** A registration that is paid in time, or expires. Its effects are written down in the store. */
const registrations = (name: string) =>
  RequestLifecycle.make({
    name,
    data: Schema.Struct({ athlete: Schema.String, cents: Schema.Int }),
    messages: { Paid: Schema.Struct({ cents: Schema.Int }), Confirmed: Schema.Struct({}) },
    append: (effects: ReadonlyArray<string>, id) =>
      Effect.flatMap(AggregateStore.AggregateStore, (store) =>
        Effect.forEach(effects, (effect) =>
          Effect.orDie(store.insert(EFFECTS, `${name} ${id} ${effect}`, { state: null, dueAtMs: null })),
        ),
      ),
    onCreate: () => ["asked"],
    initial: "awaiting payment",
    states: {
      "awaiting payment": {
        timer: { after: "15 minutes", to: "expired", decide: () => ({ effects: ["expired"] }) },
        on: {
          Paid: {
            oneOf: ["awaiting payment", "paid"],
            decide: (data, { cents }) => {
              const all = data.cents + cents
              if (cents <= 0) return { ignore: "nothing was paid" }
              const next = { ...data, cents: all }
              return all < 900
                ? { to: "awaiting payment" as const, data: next }
                : { to: "paid" as const, data: next, effects: [`paid ${all}`] }
            },
          },
        },
        cancel: { to: "cancelled", decide: (_, reason) => ({ effects: [`cancelled ${reason}`] }) },
      },
      paid: { timer: { after: "1 day", to: "confirmed" }, on: { Confirmed: { to: "confirmed" } } },
      confirmed: { final: true },
      expired: { final: true },
      cancelled: { final: true },
    },
  })

type Test = <A, E>(title: string, body: Effect.Effect<A, E, DueWorkServices | Bench | Scope.Scope>) => void

const effectsOf = (name: string) =>
  Effect.flatMap(AggregateStore.AggregateStore, (store) =>
    Effect.map(store.list(EFFECTS, { limit: 10_000 }), (all) =>
      all.flatMap(({ id }) => (id.startsWith(`${name} `) ? [id.slice(name.length + 1)] : [])),
    ),
  )

export const requestLifecycleSuite = (name: string, store: Layer.Layer<DueWorkServices, unknown>): void => {
  const test: Test = (title, body) =>
    it.scoped(
      title,
      () =>
        Effect.gen(function* () {
          const services = yield* Layer.build(store)
          const watched = yield* observed(Layer.succeedContext(services))
          return yield* Effect.provide(body, Context.merge(services, watched))
        }),
      60_000,
    )
  describe(`request lifecycle: ${name}`, () => {
    moving(test)
    ending(test)
  })
}

const moving = (test: Test): void => {
  test(
    "a message moves it, with data and effects in one unit of work, and its history tells",
    Effect.gen(function* () {
      const requests = registrations(freshKind("registration"))
      yield* requests.create("r", { athlete: "anna", cents: 0 })
      expect(yield* requests.send("r", "Paid", { cents: 400 })).toMatchObject({ to: "awaiting payment" })
      expect(yield* requests.send("r", "Paid", { cents: 500 })).toEqual({
        _tag: "Moved",
        from: "awaiting payment",
        to: "paid",
      })
      const found = Option.getOrThrow(yield* requests.find("r"))
      expect(found.data).toEqual(Option.some({ athlete: "anna", cents: 900 }))
      expect(found.history.map(({ from, to, trigger }) => [trigger, from, to])).toEqual([
        ["created", null, "awaiting payment"],
        ["Paid", "awaiting payment", "awaiting payment"],
        ["Paid", "awaiting payment", "paid"],
      ])
      expect(yield* effectsOf(requests.name)).toEqual(["r asked", "r paid 900"])
      yield* Effect.flip(UnitOfWork.run(Effect.zipRight(requests.send("r", "Confirmed", {}), Effect.fail("no"))))
      expect(Option.getOrThrow(yield* requests.find("r")).state).toBe("paid")
    }),
  )

  test(
    "[log 44] a message that makes no sense is noted in the history, and changes nothing",
    Effect.gen(function* () {
      const requests = registrations(freshKind("registration"))
      yield* requests.create("r", { athlete: "anna", cents: 0 })
      const before = Option.getOrThrow(yield* requests.find("r"))
      expect(yield* requests.send("r", "Confirmed", {})).toEqual({
        _tag: "Ignored",
        state: "awaiting payment",
        reason: '"Confirmed" makes no sense in "awaiting payment"',
      })
      expect(yield* requests.send("r", "Paid", { cents: 0 })).toMatchObject({ reason: "nothing was paid" })
      const { history, ...after } = Option.getOrThrow(yield* requests.find("r"))
      const { history: earlier, ...unchanged } = before
      expect(after).toEqual(unchanged)
      expect(history.slice(earlier.length).map(({ note, to, trigger }) => [trigger, to, note])).toEqual([
        ["Confirmed", null, '"Confirmed" makes no sense in "awaiting payment"'],
        ["Paid", null, "nothing was paid"],
      ])
      expect(yield* effectsOf(requests.name)).toEqual(["r asked"])
      expect((yield* Effect.flip(requests.send("nobody", "Confirmed", {})))._tag).toBe("NoSuchRequest")
    }),
  )

  test(
    "[log 47] is cancelled from outside where that is allowed; creating it twice gives the same request",
    Effect.gen(function* () {
      const requests = registrations(freshKind("registration"))
      const twice = yield* Effect.all(
        [
          requests.create("remote-1", { athlete: "anna", cents: 0 }),
          requests.create("remote-1", { athlete: "bob", cents: 5 }),
        ],
        { concurrency: "unbounded" },
      )
      expect(twice.filter(({ duplicate }) => duplicate).length).toBe(1)
      expect(yield* requests.cancel("remote-1", "ill")).toMatchObject({ _tag: "Moved", to: "cancelled" })
      expect((yield* requests.create("remote-1", { athlete: "eve", cents: 0 })).duplicate).toBe(true)
      expect(yield* effectsOf(requests.name)).toEqual(["remote-1 asked", "remote-1 cancelled ill"])
      yield* requests.create("remote-2", { athlete: "bob", cents: 0 })
      yield* requests.send("remote-2", "Paid", { cents: 900 })
      expect(yield* requests.cancel("remote-2", "ill")).toMatchObject({ _tag: "Ignored", state: "paid" })
    }),
  )
}

const ending = (test: Test): void => {
  test(
    "[log 43] ends when only time passes; the types and `make` refuse what would not",
    Effect.gen(function* () {
      const requests = registrations(freshKind("registration"))
      yield* requests.work()
      yield* requests.create("unpaid", { athlete: "anna", cents: 0 })
      yield* requests.create("paid", { athlete: "bob", cents: 0 })
      yield* requests.send("paid", "Paid", { cents: 900 })
      yield* pass(15 * 60_000 - 1, 300_000)
      expect(Option.getOrThrow(yield* requests.find("unpaid")).state).toBe("awaiting payment")
      yield* pass(1)
      const expired = Option.getOrThrow(yield* requests.find("unpaid"))
      expect(expired).toMatchObject({ state: "expired", finished: true })
      expect(expired.history.at(-1)).toMatchObject({ trigger: "timer", from: "awaiting payment", to: "expired" })
      expect(yield* effectsOf(requests.name)).toContain("unpaid expired")
      expect((yield* requests.list({ limit: 9 })).map(({ id }) => id)).toEqual(["paid"])

      const base = { name: "x", data: Schema.Struct({}), messages: {} }
      const untimed = () =>
        RequestLifecycle.make({
          ...base,
          initial: "a",
          // @ts-expect-error: a state that waits must have a timer.
          states: { a: { on: {} }, b: { final: true } },
        })
      expect(untimed).toThrow()
      const circle = () =>
        RequestLifecycle.make({ ...base, initial: "a", states: { a: { timer: { after: "1 hour", to: "a" } } } })
      expect(circle).toThrow('timers alone never end a request: "a" → "a"')
    }),
  )

  test(
    "[log 45] a final state never changes, and is in the archive",
    Effect.gen(function* () {
      const requests = registrations(freshKind("registration"))
      yield* requests.create("r", { athlete: "anna", cents: 0 })
      yield* requests.cancel("r", "ill")
      const before = yield* requests.find("r")
      const store = yield* AggregateStore.AggregateStore
      expect(yield* store.count(`request/${requests.name}`)).toBe(0)
      expect(Option.isSome(yield* store.getArchived(`request/${requests.name}`, "r"))).toBe(true)
      expect(yield* requests.send("r", "Paid", { cents: 900 })).toMatchObject({ _tag: "Ignored", state: "cancelled" })
      expect(yield* requests.cancel("r", "again")).toMatchObject({ _tag: "Ignored" })
      yield* requests.work()
      yield* pass(20 * 60_000, 600_000)
      expect(yield* requests.find("r")).toEqual(before)
      expect(yield* effectsOf(requests.name)).toEqual(["r asked", "r cancelled ill"])
    }),
  )

  test(
    "[log 46] a timer and a message that race make exactly one transition",
    Effect.gen(function* () {
      const requests = registrations(freshKind("registration"))
      const ids = Array.from({ length: 20 }, (_, i) => `r${i}`)
      yield* Effect.forEach(ids, (id) => requests.create(id, { athlete: "anna", cents: 0 }))
      yield* pass(15 * 60_000, 900_000)
      // All are due, and paid at the same moment.
      yield* requests.work({ concurrency: 7 })
      const sending = Effect.forEach(ids, (id) => requests.send(id, "Paid", { cents: 900 }), {
        concurrency: "unbounded",
      })
      const [sent] = yield* Effect.all([sending, pass(2_000)], { concurrency: "unbounded" })
      yield* pass(40_000, 10_000)
      for (const [i, id] of ids.entries()) {
        const { history, state } = Option.getOrThrow(yield* requests.find(id))
        const moves = history.filter(({ from, to }) => from === "awaiting payment" && to !== null)
        expect(moves.length).toBe(1)
        expect(state).toBe(sent[i]?._tag === "Moved" ? "paid" : "expired")
        const own = (yield* effectsOf(requests.name)).filter((effect) => effect.startsWith(`${id} `))
        expect(own.toSorted()).toEqual([`${id} asked`, `${id} ${state === "paid" ? "paid 900" : "expired"}`])
      }
    }),
  )

  test(
    "prints itself",
    Effect.sync(() => {
      const { mermaid, table } = RequestLifecycle.diagram(registrations(freshKind("registration")))
      expect(mermaid).toContain("s0 --> s3 : after 15 min")
      expect(mermaid).toContain("s0 --> s1 : Paid")
      expect(table).toContain("| awaiting payment | cancel       | cancelled        |")
    }),
  )
}
