/**
 * What threads of messages promise, whatever engine is behind them. Every adapter runs this suite.
 *
 * @example
 * causalThreadsSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect, it } from "@effect/vitest"
import { AggregateStore, CausalThreads } from "@paceline/core/consistency"
import { Effect, type Layer, Option, Schema } from "effect"
import fc from "fast-check"
import { type AggregateServices, freshKind } from "./AggregateServices.ts"

const Said = Schema.Struct({ text: Schema.String, at: Schema.DateFromNumber })

const message = (id: string, ...after: ReadonlyArray<string>) => ({
  id,
  after,
  message: { text: `text of ${id}`, at: new Date(1_700_000_000_000) },
})

/** Threads whose messages lie in the same store, in the order in which they were delivered. */
const threads = (capacity?: number) => {
  const kind = freshKind("threads/")
  const texts = `${kind}/texts`
  const list = (thread: string) =>
    Effect.flatMap(AggregateStore.AggregateStore, (store) =>
      Effect.map(store.get(texts, thread), (found): { version: number; ids: ReadonlyArray<string> } => {
        const state = Option.getOrUndefined(found)
        return { version: state?.version ?? 0, ids: Array.isArray(state?.state) ? state.state : [] }
      }),
    )
  const conversation = CausalThreads.make({
    kind,
    message: Said,
    ...(capacity === undefined ? {} : { capacity }),
    delivered: (thread, ids) => Effect.map(list(thread), (known) => known.ids.filter((id) => ids.includes(id))),
    deliver: (thread, each) =>
      Effect.gen(function* () {
        expect(each.message).toEqual(message(each.id).message)
        const store = yield* AggregateStore.AggregateStore
        const { ids, version } = yield* list(thread)
        const next = { state: [...ids, each.id], dueAtMs: null }
        yield* version === 0 ? store.insert(texts, thread, next) : store.update(texts, thread, version, next)
      }),
  })
  return { ...conversation, ids: (thread: string) => Effect.map(list(thread), ({ ids }) => ids) }
}

export const causalThreadsSuite = (name: string, store: Layer.Layer<AggregateServices, unknown>): void => {
  const test = <A, E>(title: string, body: Effect.Effect<A, E, AggregateServices>) =>
    it.live(title, () => Effect.provide(body, store), 60_000)

  describe(`threads of messages: ${name}`, () => {
    test(
      "an answer waits for its question, and is delivered with it",
      Effect.gen(function* () {
        const t = threads()
        expect(yield* t.offer("t", message("c", "b"))).toEqual({ _tag: "HeldBack", missing: ["b"] })
        expect(yield* t.offer("t", message("b", "a"))).toEqual({ _tag: "HeldBack", missing: ["a"] })
        expect(yield* t.missing("t")).toEqual(["a"])
        expect(yield* t.ids("t")).toEqual([])
        expect(yield* t.offer("t", message("a"))).toEqual({ _tag: "Delivered", ids: ["a", "b", "c"] })
        expect(yield* t.ids("t")).toEqual(["a", "b", "c"])
        expect(yield* t.missing("t")).toEqual([])
        expect(yield* t.offer("t", message("d", "c", "a"))).toEqual({ _tag: "Delivered", ids: ["d"] })
      }),
    )

    test(
      "what comes twice is delivered once, and threads are independent",
      Effect.gen(function* () {
        const t = threads()
        yield* t.offer("t", message("b", "a"))
        expect(yield* t.offer("t", message("b", "a"))).toEqual({ _tag: "Duplicate" })
        expect(yield* t.offer("other", message("a"))).toEqual({ _tag: "Delivered", ids: ["a"] })
        expect(yield* t.ids("t")).toEqual([])
        yield* t.offer("t", message("a"))
        expect(yield* t.offer("t", message("a"))).toEqual({ _tag: "Duplicate" })
        expect(yield* t.ids("t")).toEqual(["a", "b"])
      }),
    )

    test(
      "holds back no more than its bound, says what is missing, and gives up when asked to",
      Effect.gen(function* () {
        const t = threads(2)
        yield* t.offer("t", message("b", "a"))
        yield* t.offer("t", message("c", "a"))
        const full = new CausalThreads.ThreadFull({ thread: "t", missing: ["a"] })
        expect(yield* Effect.flip(t.offer("t", message("d", "a")))).toEqual(full)
        const expired = yield* t.expire("t", Number.MAX_SAFE_INTEGER)
        expect(expired.map(({ id, missing }) => ({ id, missing }))).toEqual([
          { id: "b", missing: ["a"] },
          { id: "c", missing: ["a"] },
        ])
        expect(yield* t.missing("t")).toEqual([])
        expect(yield* t.offer("t", message("d", "a"))).toEqual({ _tag: "HeldBack", missing: ["a"] })
      }),
    )

    test(
      "a delivery that fails delivers nothing, and the thread is as it was",
      Effect.gen(function* () {
        const delivered: Array<string> = []
        const t = CausalThreads.make({
          kind: freshKind("failing/"),
          message: Said,
          delivered: () => Effect.succeed([]),
          deliver: (_, { id }) => (id === "b" ? Effect.fail("refused") : Effect.sync(() => delivered.push(id))),
        })
        yield* t.offer("t", message("b", "a"))
        expect(yield* Effect.flip(t.offer("t", message("a")))).toBe("refused")
        expect(yield* t.missing("t")).toEqual(["a"])
      }),
    )

    test(
      "many who send at once, each message twice: all are delivered, once, causes before effects",
      Effect.gen(function* () {
        const runtime = yield* Effect.runtime<AggregateServices>()
        const thread = fc.array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
        const property = fc.asyncProperty(thread, fc.infiniteStream(fc.nat()), async (causes, turns) => {
          const t = threads()
          const messages = causes.map((after, n) =>
            message(`${n}`, ...after.filter((cause) => cause < n).map((cause) => `${cause}`)),
          )
          const arrivals = [...messages, ...messages]
            .map((each) => ({ each, turn: turns.next().value }))
            .toSorted((one, other) => one.turn - other.turn)
          const senders = [0, 1, 2].map((sender) => arrivals.filter((_, i) => i % 3 === sender))
          // Who is overtaken by two others five times running tells its sender to send again.
          const send = (each: (typeof messages)[number]) => Effect.retry(t.offer("t", each), { times: 20 })
          await Effect.runPromise(
            Effect.forEach(senders, (own) => Effect.forEach(own, ({ each }) => send(each)), {
              concurrency: "unbounded",
            }).pipe(Effect.provide(runtime)),
          )
          const ids = await Effect.runPromise(t.ids("t").pipe(Effect.provide(runtime)))
          expect(ids.toSorted()).toEqual(messages.map(({ id }) => id).toSorted())
          for (const { after, id } of messages) {
            for (const cause of after) expect(ids.indexOf(cause)).toBeLessThan(ids.indexOf(id))
          }
        })
        yield* Effect.promise(() => fc.assert(property, { seed: 20261120, numRuns: 15 }))
      }),
    )
  })
}
