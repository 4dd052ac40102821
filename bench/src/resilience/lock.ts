/**
 * How well a contended lock is handed over: 20 contenders each hold it for 10 ms, one after the other. The ideal is
 * that somebody always holds it, so the whole would take as long as it was held.
 */
import { DistributedLock, Timers } from "@paceline/core/concurrency"
import { Effect, Layer } from "effect"
import { count, type Measurement } from "../Harness.ts"

const CONTENDERS = 20
const HELD_MILLIS = 10

/** The whole time over the time held; 1 is ideal. The median of five goes, after one that is not counted. */
const handOver = <E>(lock: Layer.Layer<DistributedLock.DistributedLock, E>): Promise<number> =>
  Effect.gen(function* () {
    const goes: Array<number> = []
    for (let i = 0; i <= 5; i++) {
      let held = 0
      const hold = Effect.gen(function* () {
        const from = performance.now()
        yield* Effect.sleep(HELD_MILLIS)
        held += performance.now() - from
      })
      const contend = DistributedLock.withLock(`bench-${i}`, () => hold, { wait: "1 minute" })
      const startedAt = performance.now()
      yield* Effect.forEach(Array.from({ length: CONTENDERS }), () => contend, {
        concurrency: "unbounded",
        discard: true,
      })
      if (i > 0) goes.push((performance.now() - startedAt) / held)
    }
    return goes.sort((a, b) => a - b)[2] ?? Number.NaN
  }).pipe(Effect.provide(lock), Effect.runPromise)

const memory = DistributedLock.layerMemory().pipe(Layer.provide(Timers.layer))

/** SQLite needs Bun's driver: under Node there is no such row. */
const onSqlite = async (): Promise<number> => {
  const [lock, store] = await Promise.all([
    import("../../../packages/server/src/adapters/sqlite/DistributedLock.ts"),
    import("../../../packages/server/src/adapters/sqlite/SqliteStore.ts"),
  ])
  return handOver(lock.layer().pipe(Layer.provide([store.layerTest(), Timers.layer])))
}

const row = (store: string, ours: () => Promise<number>, note?: string): Measurement =>
  count({
    name: `lock hand-over with ${CONTENDERS} contenders, ${store}`,
    unit: "× the time held",
    bound: 1.5,
    ours,
    ...(note === undefined ? {} : { note }),
  })

export const rows: ReadonlyArray<Measurement> = [
  row("memory", () => handOver(memory)),
  ...("Bun" in globalThis
    ? [row("SQLite", onSqlite, "each hand-over is two commits that are flushed to the disk")]
    : []),
]
