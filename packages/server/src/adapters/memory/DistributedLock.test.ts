import { DistributedLock, Timers } from "@paceline/core/concurrency"
import { Transaction, UnitOfWork } from "@paceline/core/consistency"
import { Effect, Exit, Layer } from "effect"
import { layerFencing } from "../Fencing.ts"
import { distributedLockSuite } from "../suites/DistributedLockSuite.ts"

/** Memory has no store to guard: a unit here is its body, and what is to be done when that succeeded. */
const unitOfWork = Layer.succeed(UnitOfWork, {
  run: (unit) =>
    Effect.suspend(() => {
      const actions: Array<() => void> = []
      return Effect.provideService(unit, Transaction, { afterCommit: (action) => actions.push(action) }).pipe(
        Effect.onExit((exit) => Effect.sync(() => Exit.isSuccess(exit) && actions.forEach((action) => void action()))),
      )
    }),
})

distributedLockSuite(
  "memory",
  layerFencing.pipe(
    Layer.provideMerge(DistributedLock.layerMemory()),
    Layer.provideMerge(Layer.merge(unitOfWork, Timers.layer)),
  ),
)
