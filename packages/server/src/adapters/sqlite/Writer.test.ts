import { StorageError } from "@paceline/core/consistency"
import { describe, expect, it } from "vitest"
import { type TransactionalStore, type Unit, Writer } from "./Writer.ts"

const failure = (reason: StorageError["reason"]) => new StorageError({ reason, message: reason })

/** A store that writes down what it is told, and fails where a test says so. */
const makeStore = (fails: (sql: string, nth: number) => StorageError | undefined = () => undefined) => {
  const said: Array<string> = []
  const counts = new Map<string, number>()
  const store: TransactionalStore & { inTransaction: boolean; said: Array<string> } = {
    inTransaction: false,
    said,
    run: (sql: string) => {
      const nth = (counts.get(sql) ?? 0) + 1
      counts.set(sql, nth)
      const cause = fails(sql, nth)
      if (cause !== undefined) throw cause
      said.push(sql)
      if (sql === "BEGIN IMMEDIATE") store.inTransaction = true
      if (sql === "COMMIT" || sql === "ROLLBACK") store.inTransaction = false
    },
    storageError: (cause: unknown) => (cause instanceof StorageError ? cause : failure("failed")),
  }
  return store
}

interface Told {
  readonly name: string
  readonly answer: string
}

const makeUnit = (
  name: string,
  told: Array<Told>,
  body: () => boolean = () => true,
): Unit & { readonly runs: number } => {
  const unit = {
    runs: 0,
    run: () => {
      unit.runs++
      return body()
    },
    answer: (failure: StorageError | undefined) => {
      told.push({ name, answer: failure === undefined ? "done" : failure.reason })
    },
  }
  return unit
}

const settled = async (told: ReadonlyArray<Told>, count: number): Promise<void> => {
  while (told.length < count) await new Promise((resolve) => setImmediate(resolve))
}

describe("writer", () => {
  it("runs all units that arrived together in one transaction and answers them after its commit", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store)
    const seen: Array<number> = []
    for (const name of ["a", "b", "c"]) writer.submit(makeUnit(name, told, () => seen.push(told.length) > 0))
    expect(store.said).toEqual([])
    await settled(told, 3)
    const each = ["SAVEPOINT unit", "RELEASE unit"]
    expect(store.said).toEqual(["BEGIN IMMEDIATE", ...each, ...each, ...each, "COMMIT"])
    expect(told.map(({ answer, name }) => `${name} ${answer}`)).toEqual(["a done", "b done", "c done"])
    expect(seen).toEqual([0, 0, 0])
    expect(writer.commits).toBe(1)
  })

  it("rolls a unit back to its savepoint when it does not keep its work", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store)
    writer.submit(makeUnit("a", told, () => false))
    await settled(told, 1)
    expect(store.said).toEqual(["BEGIN IMMEDIATE", "SAVEPOINT unit", "ROLLBACK TO unit", "RELEASE unit", "COMMIT"])
  })

  it("[log 5] tells every unit of a turn when the commit fails, rolls back, and goes on with the next turn", async () => {
    const store = makeStore((sql, nth) => (sql === "COMMIT" && nth === 1 ? failure("full") : undefined))
    const told: Array<Told> = []
    const writer = new Writer(store)
    writer.submit(makeUnit("a", told))
    writer.submit(makeUnit("b", told))
    await settled(told, 2)
    expect(told.map(({ answer }) => answer)).toEqual(["full", "full"])
    expect(store.said.at(-1)).toBe("ROLLBACK")
    writer.submit(makeUnit("c", told))
    await settled(told, 3)
    expect(told.at(-1)).toEqual({ name: "c", answer: "done" })
    expect(writer.commits).toBe(1)
  })

  it("[log 4] runs those units again that lost their work to another one's trouble", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store)
    const before = makeUnit("before", told)
    const culprit = makeUnit("culprit", told, () => {
      store.inTransaction = false
      return false
    })
    const after = makeUnit("after", told)
    for (const unit of [before, culprit, after]) writer.submit(unit)
    await settled(told, 3)
    expect(told).toEqual([
      { name: "culprit", answer: "failed" },
      { name: "before", answer: "done" },
      { name: "after", answer: "done" },
    ])
    expect([before.runs, culprit.runs, after.runs]).toEqual([2, 1, 1])
  })

  it("runs a unit that is sure without a savepoint; one that fails all the same is undone with its turn, and alone", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store)
    const sure = (name: string, body?: () => boolean) => ({ ...makeUnit(name, told, body), isSure: true })
    for (const unit of [sure("a"), sure("wrong", () => false), sure("b")]) writer.submit(unit)
    await settled(told, 3)
    expect(store.said).toEqual([
      ...["BEGIN IMMEDIATE", "ROLLBACK"],
      ...["BEGIN IMMEDIATE", "SAVEPOINT unit", "ROLLBACK TO unit", "RELEASE unit", "COMMIT"],
    ])
    expect(told.map(({ name }) => name)).toEqual(["a", "wrong", "b"])
    expect(writer.commits).toBe(1)
  })

  it("[log 4] a unit that is sure and loses the transaction, or throws, fails alone too", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store)
    const loses = makeUnit("loses", told, () => {
      store.inTransaction = false
      return true
    })
    const throws = makeUnit("throws", told, () => {
      throw failure("full")
    })
    const before = makeUnit("before", told)
    for (const unit of [before, loses, throws]) writer.submit({ ...unit, isSure: true })
    await settled(told, 3)
    expect(told.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: "before", answer: "done" },
      { name: "loses", answer: "failed" },
      { name: "throws", answer: "full" },
    ])
  })

  it("never commits more than it may in one turn, and keeps the order", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store, { maxUnits: 4 })
    for (let i = 0; i < 10; i++) writer.submit(makeUnit(`${i}`, told))
    await settled(told, 10)
    expect(told.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`))
    expect(writer.commits).toBe(3)
  })

  it("lets the process breathe: a turn takes no further unit when its time is up", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store, { maxTurnMillis: 0 })
    const slow = () => {
      const until = performance.now() + 1
      while (performance.now() < until);
      return true
    }
    for (let i = 0; i < 5; i++) writer.submit(makeUnit(`${i}`, told, slow))
    await settled(told, 5)
    expect(writer.commits).toBe(5)
  })

  it("waits for another program's lock without blocking, and says busy when it takes too long", async () => {
    let locked = 3
    const store = makeStore((sql) => (sql === "BEGIN IMMEDIATE" && locked-- > 0 ? failure("busy") : undefined))
    const told: Array<Told> = []
    const writer = new Writer(store, { busyMillis: 10_000 })
    writer.submit(makeUnit("patient", told))
    await settled(told, 1)
    expect(told).toEqual([{ name: "patient", answer: "done" }])

    locked = Number.POSITIVE_INFINITY
    const hurried = new Writer(store, { busyMillis: 0 })
    hurried.submit(makeUnit("hurried", told))
    await settled(told, 2)
    expect(told.at(-1)).toEqual({ name: "hurried", answer: "busy" })
  })

  it("neither runs nor answers a unit that nobody waits for any more", async () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store)
    const unwanted = makeUnit("unwanted", told)
    let isWanted = true
    writer.submit({ ...unwanted, isWanted: () => isWanted })
    writer.submit({ ...makeUnit("wanted", told), isWanted: () => true })
    isWanted = false
    await settled(told, 1)
    expect(told).toEqual([{ name: "wanted", answer: "done" }])
    expect(unwanted.runs).toBe(0)
  })

  it("finishes what waits when it is closed, and refuses what comes after", () => {
    const store = makeStore()
    const told: Array<Told> = []
    const writer = new Writer(store, { maxUnits: 1 })
    writer.submit(makeUnit("a", told))
    writer.submit(makeUnit("b", told))
    writer.close(failure("closed"))
    writer.submit(makeUnit("late", told))
    expect(told.map(({ answer, name }) => `${name} ${answer}`)).toEqual(["a done", "b done", "late closed"])
  })

  it("answers with closed what another program's lock kept waiting until the end", () => {
    const told: Array<Told> = []
    const writer = new Writer(makeStore((sql) => (sql === "BEGIN IMMEDIATE" ? failure("busy") : undefined)))
    writer.submit(makeUnit("a", told))
    writer.close(failure("closed"))
    expect(told).toEqual([{ name: "a", answer: "closed" }])
  })
})
