import { DeviceId, Unavailable } from "@paceline/core/contract"
import { Cause, Effect, Exit } from "effect"
import { describe, expect, it } from "vitest"
import type { Delivery } from "../contexts/devices/Model.ts"
import { Gathering, type NotStored } from "./Gathering.ts"

const delivery = (name: string, items = 1): Delivery => ({
  deviceId: DeviceId.make(name),
  hello: null,
  items: Array.from({ length: items }, (_, i) => ({
    _tag: "Chunk",
    incarnation: name,
    n: i + 1,
    crc: 0,
    payload: new Uint8Array(),
  })),
})

/** Gathers what is added, and keeps which deliveries each unit had and what each was told. */
const gatheringWith = (store: (names: ReadonlyArray<string>) => Effect.Effect<void, NotStored>, mostItems = 100) => {
  const units: Array<ReadonlyArray<string>> = []
  const told = new Map<string, string>()
  const running = new Set<Promise<void>>()
  const gathering = new Gathering({
    mostItems,
    run: (effect) => {
      const run = Effect.runPromise(effect).finally(() => running.delete(run))
      running.add(run)
    },
    store: (deliveries) =>
      Effect.suspend(() => {
        const names = deliveries.map(({ deviceId }) => deviceId)
        units.push(names)
        return Effect.as(
          store(names),
          names.map((incarnation) => ({ acknowledged: [{ incarnation, n: 1 }], setAside: [], outOfOrder: null })),
        )
      }),
  })
  const add = (one: Delivery) =>
    gathering.add(one, (exit) => {
      const answer = Exit.match(exit, {
        onSuccess: ({ acknowledged }) => `stored ${acknowledged[0]?.incarnation}`,
        onFailure: (cause) => (Cause.isDie(cause) ? "died" : "not stored"),
      })
      // Told twice, it would say so.
      told.set(one.deviceId, told.has(one.deviceId) ? "told twice" : answer)
    })
  const settled = async () => {
    while (running.size > 0) await Promise.all(running)
  }
  return { add, settled, units, told }
}

describe("gathering", () => {
  it("stores what arrives in one turn of the event loop as one unit, and answers each with its own receipt", async () => {
    const { add, settled, told, units } = gatheringWith(() => Effect.void)
    for (const name of ["a", "b", "c"]) add(delivery(name))
    await settled()
    add(delivery("d"))
    await settled()
    expect(units).toEqual([["a", "b", "c"], ["d"]])
    expect(Object.fromEntries(told)).toEqual({ a: "stored a", b: "stored b", c: "stored c", d: "stored d" })
  })

  it("puts no more into a unit than it may, in the order of arrival, and always at least one", async () => {
    const { add, settled, told, units } = gatheringWith(() => Effect.void, 4)
    for (const [name, items] of Object.entries({ a: 1, b: 3, c: 9, d: 2, e: 2, f: 1 })) add(delivery(name, items))
    await settled()
    expect(units).toEqual([["a", "b"], ["c"], ["d", "e"], ["f"]])
    expect(told.size).toBe(6)
  })

  it("gathers the next while units are being stored", async () => {
    const first = Promise.withResolvers<void>()
    const { add, settled, told, units } = gatheringWith((names) =>
      names.includes("slow") ? Effect.promise(() => first.promise) : Effect.void,
    )
    add(delivery("slow"))
    while (units.length === 0) await new Promise((resolve) => setImmediate(resolve))
    add(delivery("quick"))
    while (told.size === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(Object.fromEntries(told)).toEqual({ quick: "stored quick" })
    first.resolve()
    await settled()
    expect(told.get("slow")).toBe("stored slow")
  })

  it("tells all of a unit that it could not be stored", async () => {
    const { add, settled, told } = gatheringWith(() => Effect.fail(new Unavailable({ message: "full" })))
    for (const name of ["a", "b"]) add(delivery(name))
    await settled()
    expect(Object.fromEntries(told)).toEqual({ a: "not stored", b: "not stored" })
  })

  it("lets the one that a unit dies of fail alone", async () => {
    const { add, settled, told } = gatheringWith((names) =>
      names.includes("bad") ? Effect.dieMessage("a bug") : Effect.void,
    )
    for (const name of ["a", "bad", "b"]) add(delivery(name))
    await settled()
    expect(Object.fromEntries(told)).toEqual({ a: "stored a", bad: "died", b: "stored b" })
  })
})
