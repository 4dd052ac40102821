/**
 * What several stores behind one shard map promise, whatever engine they are. Every adapter runs this suite.
 *
 * The layer is built once for each shard, so each time it must give a store of its own.
 *
 * @example
 * shardsSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect, it } from "@effect/vitest"
import { AggregateStore, Shards, StorageError, UnitOfWork } from "@paceline/core/consistency"
import { ShardMap } from "@paceline/core/kernel"
import { type Context, Deferred, Effect, Exit, Fiber, Layer, Option, type Scope } from "effect"
import type { AggregateServices } from "./AggregateServices.ts"

type Store = Context.Context<AggregateServices>

const KIND = "sharded"
const US = { key: "k", region: "us" }
const EU = { key: "k", region: "eu" }

const insert = (id: string) =>
  Effect.flatMap(AggregateStore.AggregateStore, (store) => store.insert(KIND, id, { state: id, dueAtMs: null }))

const ids = Effect.gen(function* () {
  const store = yield* AggregateStore.AggregateStore
  return (yield* store.list(KIND, { limit: 10_000 })).map(({ id }) => id)
})

const idsIn = (store: Store | undefined) =>
  store === undefined ? Effect.succeed([]) : Effect.provide(Effect.orDie(ids), store)

/** Copies what the target has not got. */
const copyAll = (from: Store, to: Store) =>
  Effect.gen(function* () {
    const there = new Set(yield* Effect.provide(ids, to))
    const missing = (yield* Effect.provide(ids, from)).filter((id) => !there.has(id))
    yield* Effect.provide(UnitOfWork.run(Effect.forEach(missing, insert, { discard: true })), to)
  })

const mover = { copy: copyAll, catchUp: copyAll }

export const shardsSuite = (name: string, store: Layer.Layer<AggregateServices, unknown>): void => {
  const test = <A, E>(title: string, body: Effect.Effect<A, E, Scope.Scope>) => it.scopedLive(title, () => body, 60_000)

  /** Two shards, paris for the eu and boston for the us, and every map that was kept. */
  const opened = (options: { readonly failAt?: (map: ShardMap.ShardMap) => boolean } = {}) =>
    Effect.gen(function* () {
      const names = ["paris", "boston"]
      const built = yield* Effect.forEach(names, () => Layer.build(Layer.fresh(store)))
      const stores = new Map(names.flatMap((each, i) => (built[i] === undefined ? [] : [[each, built[i]] as const])))
      const kept: Array<ShardMap.ShardMap> = []
      const shards = yield* Shards.make<AggregateServices>({
        map: ShardMap.byRegion({ eu: "paris", us: "boston" }, "eu"),
        stores,
        save: (map) =>
          options.failAt?.(map) === true
            ? Effect.fail(new StorageError({ reason: "full", message: "no space" }))
            : Effect.sync(() => void kept.push(map)),
      })
      return { shards, kept, paris: idsIn(stores.get("paris")), boston: idsIn(stores.get("boston")) }
    })

  describe(`shards: ${name}`, () => {
    test(
      "writes and reads go to the shard that owns the key, and to no other",
      Effect.gen(function* () {
        const { boston, paris, shards } = yield* opened()
        yield* shards.write(US, insert("us-1"))
        yield* shards.write(EU, insert("eu-1"))
        yield* shards.write({ key: "k" }, insert("eu-2"))
        expect(yield* boston).toEqual(["us-1"])
        expect(yield* paris).toEqual(["eu-1", "eu-2"])
        expect(yield* shards.read(US, ids)).toEqual(["us-1"])
      }),
    )

    test(
      "a write is a unit of work: it fails as a whole",
      Effect.gen(function* () {
        const { boston, shards } = yield* opened()
        const unit = shards.write(US, Effect.zipRight(insert("us-1"), Effect.fail("refused")))
        expect(yield* Effect.flip(unit)).toBe("refused")
        expect(yield* boston).toEqual([])
      }),
    )

    test(
      "a key or a shard that the map does not know is a typed error",
      Effect.gen(function* () {
        const { shards } = yield* opened()
        expect(yield* Effect.flip(shards.move("region/moon", "paris", mover))).toBeInstanceOf(Shards.NoShard)
        expect(yield* Effect.flip(shards.move("region/us", "moon", mover))).toBeInstanceOf(Shards.NoShard)
        const empty = yield* Shards.make({ map: yield* shards.map, stores: new Map() })
        expect(yield* Effect.flip(empty.read(US, Effect.void))).toBeInstanceOf(Shards.NoShard)
        const byTime = ShardMap.byTime([{ startMs: 0, shard: "paris" }])
        const timed = yield* Shards.make({ map: byTime, stores: new Map() })
        expect(yield* Effect.flip(timed.write(US, Effect.void))).toBeInstanceOf(Shards.NoShard)
      }),
    )

    test(
      "a slot moves while many write to it: every write that was taken is found where the map says",
      Effect.gen(function* () {
        const { boston, kept, paris, shards } = yield* opened()
        const taken: Array<string> = []
        const refused: Array<unknown> = []
        let done = false
        const writer = (w: number) =>
          Effect.gen(function* () {
            for (let n = 0; !done; n++) {
              const id = `us-${w}-${n}`
              const outcome = yield* Effect.either(shards.write(US, insert(id)))
              if (outcome._tag === "Right") taken.push(id)
              else refused.push(outcome.left)
              yield* Effect.sleep(1)
            }
          })
        const writers = yield* Effect.fork(Effect.forEach([0, 1, 2, 3], writer, { concurrency: "unbounded" }))
        yield* Effect.sleep(20)
        yield* shards.move("region/us", "paris", {
          copy: (from, to) => Effect.zipRight(copyAll(from, to), Effect.sleep(20)),
          catchUp: (from, to) => Effect.zipRight(copyAll(from, to), Effect.sleep(10)),
        })
        yield* Effect.sleep(20)
        done = true
        yield* Fiber.join(writers)
        const there = new Set(yield* shards.read(US, ids))
        expect(taken.filter((id) => !there.has(id))).toEqual([])
        expect(new Set(yield* paris)).toEqual(there)
        for (const error of refused) expect(error).toBeInstanceOf(Shards.SlotFrozen)
        // The old owner has nothing that was written after the switch.
        expect((yield* boston).every((id) => there.has(id))).toBe(true)
        expect(taken.length).toBeGreaterThan((yield* boston).length)
        const phases = kept.map((map) => map.slots["region/us"]?.move?.phase ?? "settled")
        expect(phases).toEqual(["planned", "copying", "frozen", "settled"])
        expect((yield* shards.map).slots["region/us"]).toEqual({ owner: "paris", epoch: 2, move: null })
      }),
    )

    test(
      "while it is frozen a slot takes no writes, answers reads, and leaves other slots alone",
      Effect.gen(function* () {
        const { shards } = yield* opened()
        yield* shards.write(US, insert("us-1"))
        const inside: Array<unknown> = []
        yield* shards.move("region/us", "paris", {
          copy: copyAll,
          catchUp: () =>
            Effect.gen(function* () {
              inside.push(yield* Effect.flip(shards.write(US, insert("us-2"))))
              inside.push(yield* shards.read(US, ids))
              yield* shards.write(EU, insert("eu-1"))
            }),
        })
        expect(inside).toEqual([new Shards.SlotFrozen({ slot: "region/us", retryAfterMillis: 100 }), ["us-1"]])
      }),
    )

    test(
      "a move waits for the writes that are under way before it copies the last changes",
      Effect.gen(function* () {
        const { shards } = yield* opened()
        const begun = yield* Deferred.make<void>()
        const order: Array<string> = []
        // What is outside the unit of work may take its time: the write counts from when it was let in.
        const slow = shards.write(
          US,
          Effect.tap(insert("us-1"), () => Effect.sync(() => order.push("written"))),
        )
        const many = yield* Effect.fork(
          Effect.forEach(
            Array.from({ length: 50 }, (_, i) => `us-many-${i}`),
            (id) => Effect.ignore(shards.write(US, insert(id))),
            { concurrency: "unbounded" },
          ),
        )
        const first = yield* Effect.fork(Effect.zipRight(Deferred.succeed(begun, undefined), slow))
        yield* Deferred.await(begun)
        yield* shards.move("region/us", "paris", {
          copy: () => Effect.void,
          catchUp: (from, to) =>
            Effect.zipRight(
              Effect.sync(() => order.push("catching up")),
              copyAll(from, to),
            ),
        })
        yield* Fiber.join(first)
        yield* Fiber.join(many)
        expect(order).toEqual(["written", "catching up"])
        expect(yield* shards.read(US, ids)).toContain("us-1")
      }),
    )

    test(
      "a move that fails, dies or is interrupted changes nothing, and can be made again",
      Effect.gen(function* () {
        const { kept, shards } = yield* opened()
        yield* shards.write(US, insert("us-1"))
        const ends = [Effect.fail("broken"), Effect.die("a bug"), Effect.interrupt]
        for (const end of ends) {
          for (const move of [
            shards.move("region/us", "paris", { copy: () => end, catchUp: copyAll }),
            shards.move("region/us", "paris", { copy: copyAll, catchUp: () => end }),
          ]) {
            expect(Exit.isFailure(yield* Effect.exit(move))).toBe(true)
            expect((yield* shards.map).slots["region/us"]).toEqual({ owner: "boston", epoch: 1, move: null })
            expect(kept.at(-1)).toEqual(yield* shards.map)
          }
        }
        yield* shards.write(US, insert("us-2"))
        yield* shards.move("region/us", "paris", mover)
        expect(yield* shards.read(US, ids)).toEqual(["us-1", "us-2"])
      }),
    )

    test(
      "a map that cannot be kept is not acted on: the owner stays",
      Effect.gen(function* () {
        const failAt = (map: ShardMap.ShardMap) => map.slots["region/us"]?.owner === "paris"
        const { kept, shards } = yield* opened({ failAt })
        const error = yield* Effect.flip(shards.move("region/us", "paris", mover))
        expect(error).toMatchObject({ _tag: "StorageError", reason: "full" })
        expect((yield* shards.map).slots["region/us"]).toEqual({ owner: "boston", epoch: 1, move: null })
        expect(kept.at(-1)).toEqual(yield* shards.map)
        yield* shards.write(US, insert("us-1"))
      }),
    )

    test(
      "two moves of one slot at once: one is refused; a move left behind can be called off",
      Effect.gen(function* () {
        const { shards } = yield* opened()
        const inside: Array<unknown> = []
        yield* shards.move("region/us", "paris", {
          copy: () =>
            Effect.gen(function* () {
              inside.push(yield* Effect.flip(shards.move("region/us", "paris", mover)))
            }),
          catchUp: copyAll,
        })
        expect(inside).toEqual([new Shards.MoveRefused({ slot: "region/us", step: "Plan", phase: "copying" })])
        // The process died in the middle, and the next one begins with the map that was kept.
        const planned = ShardMap.step(yield* shards.map, "region/eu", { _tag: "Plan", to: "boston" })
        if (planned._tag === "Refused") throw new Error("not planned")
        const next = yield* Shards.make({ map: planned.map, stores: new Map() })
        yield* next.abort("region/eu")
        expect((yield* next.map).slots["region/eu"]?.move).toBeNull()
        expect(yield* Effect.flip(next.abort("region/eu"))).toBeInstanceOf(Shards.MoveRefused)
      }),
    )

    test(
      "a process with an old map writes nothing where the store knows that the epoch is over",
      Effect.gen(function* () {
        const built = yield* Layer.build(Layer.fresh(store))
        const gate = (slot: string, epoch: number) =>
          Effect.flatMap(AggregateStore.AggregateStore, (s) => s.insert("gate", slot, { state: epoch, dueAtMs: null }))
        const shards = yield* Shards.make<AggregateServices>({
          map: ShardMap.byRegion({ us: "boston" }, "us"),
          stores: new Map([["boston", built]]),
          fence: ({ epoch, slot }) =>
            Effect.gen(function* () {
              const found = yield* (yield* AggregateStore.AggregateStore).get("gate", slot)
              const inForce = Option.getOrUndefined(found)?.state ?? 1
              if (inForce !== epoch) return yield* new Shards.SlotFrozen({ slot, retryAfterMillis: 100 })
            }),
        })
        yield* shards.write(US, insert("us-1"))
        yield* Effect.provide(UnitOfWork.run(gate("region/us", 2)), built)
        expect(yield* Effect.flip(shards.write(US, insert("us-2")))).toBeInstanceOf(Shards.SlotFrozen)
        expect(yield* shards.read(US, ids)).toEqual(["us-1"])
      }),
    )
  })
}
