import { Timers } from "@paceline/core/concurrency"
import { Layer } from "effect"
import { distributedLockSuite } from "../suites/DistributedLockSuite.ts"
import * as SqliteLock from "./DistributedLock.ts"
import * as SqliteStore from "./SqliteStore.ts"

distributedLockSuite(
  "sqlite",
  SqliteLock.layer().pipe(Layer.provideMerge(Layer.merge(SqliteStore.layerTest(), Timers.layer))),
)
