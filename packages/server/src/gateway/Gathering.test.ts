import { DeviceId, Unavailable } from "@paceline/core/contract"
import { Cause, Effect, Exit } from "effect"
import { describe, expect, it } from "vitest"
import type { Chunk, Delivery } from "../contexts/devices/Model.ts"
import { Gathering, type NotStored } from "./Gathering.ts"

/** Somebody who has so many chunks, and may get more before it is asked for them. */
const sender = (name: string, items = 1) => {
  let next = 1
  const more = (count: number): Array<Chunk> =>
    Array.from({ length: count }, () => ({
      _tag: "Chunk",
      incarnation: name,
      n: next++,
      crc: 0,
      payload: new Uint8Array(),
    }))
  let waiting = more(items)
  return {
    name,
    get waiting() {
      return waiting.length
    },
    take: (): Delivery => {
      const taken = waiting
      waiting = []
      return { deviceId: DeviceId.make(name), hello: null, items: taken }
    },
    getMore: (count: number) => waiting.push(...more(count)),
    leave: () => {
      waiting = []
    },
  }
}

/** Gathers what is added, and keeps which deliveries each unit had, how many items, and what each was told. */
const gatheringWith = (
  store: (names: ReadonlyArray<string>) => Effect.Effect<void, NotStored>,
  mostItems = 100,
  admitted: Effect.Effect<void, NotStored> = Effect.void,
) => {
  const units: Array<ReadonlyArray<string>> = []
  const items: Array<ReadonlyArray<number>> = []
  const told = new Map<string, string>()
  const running = new Set<Promise<void>>()
  const gathering = new Gathering({
    mostItems,
    run: (effect) => {
      const run = Effect.runPromise(effect).finally(() => running.delete(run))
      running.add(run)
    },
    store: (take) =>
      Effect.flatMap(admitted, () => {
        const deliveries = take()
        const names = deliveries.map(({ deviceId }) => deviceId)
        units.push(names)
        items.push(deliveries.map(({ items }) => items.length))
        return Effect.as(
          store(names),
          names.map((incarnation) => ({ acknowledged: [{ incarnation, n: 1 }], setAside: [], outOfOrder: null })),
        )
      }),
  })
  const add = (one: ReturnType<typeof sender>) =>
    gathering.add({
      get waiting() {
        return one.waiting
      },
      take: one.take,
      told: (exit) => {
        const answer = Exit.match(exit, {
          onSuccess: ({ acknowledged }) => `stored ${acknowledged[0]?.incarnation}`,
          onFailure: (cause) => (Cause.isDie(cause) ? "died" : "not stored"),
        })
        // Told twice, it would say so.
        told.set(one.name, told.has(one.name) ? "told twice" : answer)
      },
    })
  const settled = async () => {
    while (running.size > 0) await Promise.all(running)
  }
  return { add, settled, units, items, told }
}

describe("gathering", () => {
  it("stores what arrives in one turn of the event loop as one unit, and answers each with its own receipt", async () => {
    const { add, settled, told, units } = gatheringWith(() => Effect.void)
    for (const name of ["a", "b", "c"]) add(sender(name))
    await settled()
    add(sender("d"))
    await settled()
    expect(units).toEqual([["a", "b", "c"], ["d"]])
    expect(Object.fromEntries(told)).toEqual({ a: "stored a", b: "stored b", c: "stored c", d: "stored d" })
  })

  it("puts no more into a unit than it may, in the order of arrival, and always at least one", async () => {
    const { add, settled, told, units } = gatheringWith(() => Effect.void, 4)
    for (const [name, items] of Object.entries({ a: 1, b: 3, c: 9, d: 2, e: 2, f: 1 })) add(sender(name, items))
    await settled()
    expect(units).toEqual([["a", "b"], ["c"], ["d", "e"], ["f"]])
    expect(told.size).toBe(6)
  })

  it("gathers the next while units are being stored", async () => {
    const first = Promise.withResolvers<void>()
    const { add, settled, told, units } = gatheringWith((names) =>
      names.includes("slow") ? Effect.promise(() => first.promise) : Effect.void,
    )
    add(sender("slow"))
    while (units.length === 0) await new Promise((resolve) => setImmediate(resolve))
    add(sender("quick"))
    while (told.size === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(Object.fromEntries(told)).toEqual({ quick: "stored quick" })
    first.resolve()
    await settled()
    expect(told.get("slow")).toBe("stored slow")
  })

  it("asks each for all that it has when it is its turn, and passes over whoever has left", async () => {
    const turn = Promise.withResolvers<void>()
    const { add, items, settled, told, units } = gatheringWith(
      () => Effect.void,
      5,
      Effect.promise(() => turn.promise),
    )
    const [a, b, c, d] = [sender("a"), sender("b"), sender("c"), sender("d")]
    for (const one of [a, b, c, d]) add(one)
    await new Promise((resolve) => setImmediate(resolve))
    a.getMore(2)
    b.leave()
    c.getMore(1)
    turn.resolve()
    await settled()
    expect([units, items]).toEqual([
      [["a", "c"], ["d"]],
      [[3, 2], [1]],
    ])
    expect(Object.fromEntries(told)).toEqual({ a: "stored a", c: "stored c", d: "stored d" })
  })

  it("tells everybody in line when it is never their turn, and goes on with those who come then", async () => {
    let isFull = true
    const { add, settled, told, units } = gatheringWith(
      () => Effect.void,
      1,
      Effect.suspend(() => (isFull ? Effect.fail(new Unavailable({ message: "waited too long" })) : Effect.void)),
    )
    const gone = sender("gone")
    for (const one of [sender("a"), gone, sender("b")]) add(one)
    gone.leave()
    await settled()
    expect(Object.fromEntries(told)).toEqual({ a: "not stored", b: "not stored" })
    isFull = false
    add(sender("c"))
    await settled()
    expect(units).toEqual([["c"]])
    expect(told.get("c")).toBe("stored c")
  })

  it("tells all of a unit that it could not be stored", async () => {
    const { add, settled, told } = gatheringWith(() => Effect.fail(new Unavailable({ message: "full" })))
    for (const name of ["a", "b"]) add(sender(name))
    await settled()
    expect(Object.fromEntries(told)).toEqual({ a: "not stored", b: "not stored" })
  })

  it("lets the one that a unit dies of fail alone", async () => {
    const { add, settled, told } = gatheringWith((names) =>
      names.includes("bad") ? Effect.dieMessage("a bug") : Effect.void,
    )
    for (const name of ["a", "bad", "b"]) add(sender(name))
    await settled()
    expect(Object.fromEntries(told)).toEqual({ a: "stored a", bad: "died", b: "stored b" })
  })
})
