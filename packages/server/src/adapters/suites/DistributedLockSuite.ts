/**
 * What a distributed lock promises, whatever engine keeps its leases. Every adapter runs this suite.
 *
 * Times are real and short; each test locks resources of its own, so adapters may share one database among tests.
 *
 * @example
 * distributedLockSuite("sqlite", SqliteLock.layer().pipe(Layer.provideMerge(SqliteStore.layerTest())))
 */
import { describe, it } from "@effect/vitest"
import { Timers } from "@paceline/core/concurrency"
import { Effect, Layer } from "effect"
import { lockLoss } from "./LockLoss.ts"
import { agreesWithKernel } from "./LockModel.ts"
import { lockOwnership } from "./LockOwnership.ts"
import type { LockAdapter, LockTest } from "./LockServices.ts"
import { lockTokens } from "./LockTokens.ts"
import { lockWaiting } from "./LockWaiting.ts"

export const distributedLockSuite = (name: string, adapter: Layer.Layer<LockAdapter, unknown>): void => {
  const store = Layer.provideMerge(adapter, Timers.layer)
  const test: LockTest = (title, body) => it.scopedLive(title, () => Effect.provide(body, store))

  describe(`distributed lock on ${name}`, () => {
    lockTokens(test)
    lockOwnership(test)
    lockLoss(test)
    lockWaiting(test)

    it.scopedLive(
      "[resilience 72] [resilience 73] [resilience 74] does what the kernel decides, in any order of steps",
      () => Effect.provide(agreesWithKernel, store),
      60_000,
    )
  })
}
