/**
 * Bridges and their server are killed at seeded moments, on either side, while samples flow. At the end each bridge
 * delivers what waits, and the server must hold every sample whose `flush` had resolved: once, and in order.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, ExecutionStrategy, Exit, Random, Scope } from "effect"
import type { Outcome } from "../Rounds.ts"
import { bridge, type Life, type RunningBridge, type Runtime } from "./BridgeProcess.ts"
import { type Registered, register, server } from "./ServerProcess.ts"
import { holds } from "./Stored.ts"

/** After so many kills all is delivered and looked at, and the next ones begin with an empty store. */
const KILLS_A_STORE = 50

/** One on Node, where the SQLite and the sockets are others. */
const RUNTIMES: ReadonlyArray<Runtime> = ["bun", "bun", "node"]

/** The share of kills that hits the server. */
const SERVER_SHARE = 0.25

/** The share of victims that is stopped for a while before, so that the other side takes them for dead. */
const STOPPED_SHARE = 0.15

/** How long a bridge may take to deliver what waits. */
const DRAIN = "30 seconds"

export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-bridge-crash-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** A process that can be ended and replaced; the scope it lives in ends with it. */
interface Running<A> {
  readonly process: A
  readonly end: Effect.Effect<void>
}

export const running = <A>(
  process: Effect.Effect<A, never, Scope.Scope>,
): Effect.Effect<Running<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    return { process: yield* Scope.extend(process, scope), end: Scope.close(scope, Exit.void) }
  })

/** A bridge over all its lives: a device, a buffer, and what it was promised. */
export class Station {
  readonly lives: Array<Life> = []
  readonly device: Registered
  readonly path: string
  readonly runtime: Runtime
  #least = 0

  constructor(device: Registered, path: string, runtime: Runtime) {
    this.device = device
    this.path = path
    this.runtime = runtime
  }

  /** The first value that no life has recorded. */
  get next(): number {
    return Math.max(this.#least, ...this.lives.map(({ recorded }) => recorded + 1))
  }

  /** The values of this station begin here. */
  begin(least: number): void {
    this.#least = least
  }

  /** Begins the next life; it goes on recording until it is killed. */
  record(url: string, pauseMillis: number): Effect.Effect<RunningBridge, never, Scope.Scope> {
    return Effect.tap(bridge(this.runtime, { ...this.orders(url), first: this.next, pauseMillis }), ({ life }) =>
      Effect.sync(() => this.lives.push(life)),
    )
  }

  /** Delivers what waits; answers what is wrong, if it does not come to that. */
  deliver(url: string): Effect.Effect<string | null> {
    return Effect.scoped(
      Effect.gen(this, function* () {
        const delivering = yield* bridge("bun", { ...this.orders(url), first: null, pauseMillis: 0 })
        return yield* Effect.promise(() => delivering.ready).pipe(
          Effect.as(null),
          Effect.timeoutTo({
            duration: DRAIN,
            onSuccess: () => null,
            onTimeout: () => `not delivered within ${DRAIN}`,
          }),
          Effect.catchAllDefect((defect) => Effect.succeed(String(defect))),
        )
      }),
    )
  }

  private orders(url: string) {
    return { path: this.path, url, deviceId: this.device.deviceId, key: this.device.key }
  }
}

/** So many stations, each with a device of its own on the server. */
export const stations = (url: string, data: string, folder: string, runtimes: ReadonlyArray<Runtime>) =>
  Effect.forEach(runtimes, (runtime, i) =>
    Effect.map(
      register(url, data, `station ${i}`),
      (device) => new Station(device, join(folder, `buffer-${i}.sqlite`), runtime),
    ),
  )

const campaign = (kills: number) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const data = join(folder, "server")
    let served = yield* running(server(data, 0))
    const url = yield* Effect.promise(() => served.process.ready)
    const port = Number(new URL(url).port)
    const all = yield* stations(url, data, folder, RUNTIMES)
    const pause = Random.nextIntBetween(5, 35)
    const recording = yield* Effect.forEach(all, (station) =>
      Effect.flatMap(pause, (millis) => running(station.record(url, millis))),
    )
    for (let kill = 0; kill < kills; kill++) {
      if ((yield* Random.next) < SERVER_SHARE) {
        // Some of them while it is starting, and some when it has served for a while.
        if ((yield* Random.next) < 0.8) yield* Effect.promise(() => served.process.ready)
        yield* Effect.sleep(yield* Random.nextRange(0, 150))
        yield* struck(served.process.signal)
        yield* served.end
        served = yield* running(server(data, port))
        continue
      }
      const i = yield* Random.nextIntBetween(0, all.length)
      const victim = recording[i]
      const station = all[i]
      if (victim === undefined || station === undefined) continue
      yield* Effect.promise(() => victim.process.ready)
      yield* Effect.sleep(yield* Random.nextRange(0, 60))
      yield* struck(victim.process.signal)
      yield* victim.end
      recording[i] = yield* running(station.record(url, yield* pause))
    }
    yield* Effect.forEach(recording, ({ end }) => end)
    yield* Effect.promise(() => served.process.ready)
    const late = yield* Effect.forEach(all, (station) => station.deliver(url), { concurrency: all.length })
    const found = all.map(({ device, lives }) => holds({ data, deviceId: device.deviceId, lives, inOneLine: true }))
    return {
      acknowledged: found.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      problems: found.flatMap(({ problems }, i) => [
        ...(late[i] === null ? [] : [`station ${i}: ${late[i]}`]),
        ...problems.slice(0, 5).map((problem) => `station ${i}: ${problem}`),
      ]),
    }
  })

const struck = (signal: RunningBridge["signal"]) =>
  Effect.gen(function* () {
    if ((yield* Random.next) < STOPPED_SHARE) {
      signal("SIGSTOP")
      yield* Effect.sleep(yield* Random.nextRange(50, 800))
      signal("SIGCONT")
      yield* Effect.sleep(yield* Random.nextRange(0, 30))
    }
    signal("SIGKILL")
  })

/** So many SIGKILLs, of bridges and of their server. */
export const bridgeKills = (kills: number) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    let acknowledged = 0
    for (let done = 0; done < kills; done += KILLS_A_STORE) {
      const found = yield* Effect.scoped(campaign(Math.min(KILLS_A_STORE, kills - done)))
      acknowledged += found.acknowledged
      problems.push(...found.problems.map((problem) => `kills ${done} on: ${problem}`))
    }
    return { rounds: kills, acknowledged, problems } satisfies Outcome
  })
