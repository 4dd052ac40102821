/**
 * A real PostgreSQL for the tests of one file: started before them, stopped and removed after them.
 *
 * @example
 * const postgres = realPostgres()
 * it("…", async () => connect(await postgres.database()))
 */
import { afterAll, beforeAll } from "vitest"
import { type RunningPair, type RunningPostgres, startPostgres, startReplicatedPostgres } from "./PostgresServer.ts"

export type RealPostgres = Omit<RunningPostgres, "stop">
export type ReplicatedPostgres = Omit<RunningPair, "stop">

const TIMEOUT_MILLIS = 60_000

/** Runs during the tests of the file that calls it. */
const duringTests = <A extends { readonly stop: () => Promise<void> }>(start: () => Promise<A>): (() => A) => {
  let running: A | undefined
  beforeAll(async () => {
    running = await start()
  }, TIMEOUT_MILLIS)
  afterAll(() => running?.stop(), TIMEOUT_MILLIS)
  return () => {
    if (running === undefined) throw new Error("PostgreSQL runs only during the tests of the file")
    return running
  }
}

export const realPostgres = (): RealPostgres => {
  const running = duringTests(startPostgres)
  return { database: () => running().database() }
}

export const replicatedPostgres = (): ReplicatedPostgres => {
  const running = duringTests(startReplicatedPostgres)
  return {
    database: () => running().database(),
    stopReplica: () => running().stopReplica(),
    startReplica: () => running().startReplica(),
  }
}
