/**
 * Files are restored from old backups in mid-stream, the bridge's and the server's, with real processes.
 *
 * A buffer from a backup, on one phone or on two at once, must not make new data look old. A server from a backup must
 * declare what it can no longer get, and go on.
 */
import { copyFileSync, cpSync, existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect, Random, Scope } from "effect"
import type { Outcome } from "../Rounds.ts"
import { running, Station, stations, temporaryFolder } from "./BridgeKills.ts"
import type { Life } from "./BridgeProcess.ts"
import { server } from "./ServerProcess.ts"
import { type Expectation, type Found, holds } from "./Stored.ts"

/** Copies a buffer as a backup does: the file and its log, not the lock or the reserve beside it. */
const copyBuffer = (from: string, to: string): void => {
  for (const suffix of ["", "-wal"]) {
    rmSync(to + suffix, { force: true })
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix)
  }
  rmSync(`${to}-shm`, { force: true })
}

/** Records for a moment and is killed. */
const recordAWhile = (station: Station, url: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { life, ready } = yield* station.record(url, yield* Random.nextIntBetween(1, 8))
      yield* Effect.promise(() => ready)
      yield* Effect.sleep(yield* Random.nextRange(100, 400))
      return life
    }),
  )

interface Site {
  readonly folder: string
  readonly data: string
  readonly url: string
  readonly station: Station
}

/** What must hold after a scenario, and which bridges could not deliver. */
interface Scenario {
  readonly late: ReadonlyArray<string | null>
  readonly expected: Expectation
}

/** A buffer is restored over itself; what was flushed in between went with the file. */
const bufferRestored = ({ data, folder, station, url }: Site) =>
  Effect.gen(function* () {
    const backup = join(folder, "backup.sqlite")
    yield* recordAWhile(station, url)
    copyBuffer(station.path, backup)
    const between = yield* recordAWhile(station, url)
    copyBuffer(backup, station.path)
    yield* recordAWhile(station, url)
    const late = [yield* station.deliver(url)]
    const { deviceId } = station.device
    return { late, expected: { data, deviceId, lives: station.lives, mayMiss: new Set([between]), inOneLine: false } }
  })

/** One backup is restored to two phones, which record at the same time as the same device. */
const twoPhones = ({ data, folder, station, url }: Site) =>
  Effect.gen(function* () {
    yield* recordAWhile(station, url)
    const phones = [0, 1].map((i) => new Station(station.device, join(folder, `phone-${i}.sqlite`), station.runtime))
    for (const [i, phone] of phones.entries()) {
      copyBuffer(station.path, phone.path)
      // Each records values of its own, so that whose they are is seen.
      phone.begin((i + 1) * 1_000_000)
    }
    yield* Effect.forEach(phones, (phone) => recordAWhile(phone, url), { concurrency: 2 })
    const late = yield* Effect.forEach(phones, (phone) => phone.deliver(url))
    const lives: ReadonlyArray<Life> = [station, ...phones].flatMap((one) => one.lives)
    return { late, expected: { data, deviceId: station.device.deviceId, lives, inOneLine: false } }
  })

/** The server comes back as it was some time ago, while a bridge records and delivers. */
const serverRestored = (site: Site & { readonly restart: (replace: () => void) => Effect.Effect<void> }) =>
  Effect.gen(function* () {
    const { data, folder, restart, station, url } = site
    const backup = join(folder, "server-backup")
    const before = yield* recordAWhile(station, url)
    yield* restart(() => cpSync(data, backup, { recursive: true }))
    // All of it is acknowledged and deleted, and then the server forgets it.
    const delivered = yield* station.deliver(url)
    const during = yield* Effect.scoped(
      Effect.gen(function* () {
        const { life, ready } = yield* station.record(url, 4)
        yield* Effect.promise(() => ready)
        yield* Effect.sleep(yield* Random.nextRange(200, 500))
        yield* restart(() => {
          rmSync(data, { recursive: true })
          cpSync(backup, data, { recursive: true })
        })
        yield* Effect.sleep(yield* Random.nextRange(100, 600))
        return life
      }),
    )
    yield* recordAWhile(station, url)
    const late = [delivered, yield* station.deliver(url)]
    const { deviceId } = station.device
    const mayMiss = new Set([before, during])
    return { late, expected: { data, deviceId, lives: station.lives, mayMiss, inOneLine: true, gapsAllowed: true } }
  })

const round = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const data = join(folder, "server")
  let served = yield* running(server(data, 0))
  const url = yield* Effect.promise(() => served.process.ready)
  const port = Number(new URL(url).port)
  const own = yield* Effect.scope
  const restart = (replace: () => void) =>
    Effect.gen(function* () {
      yield* served.end
      replace()
      served = yield* Effect.provideService(running(server(data, port)), Scope.Scope, own)
      yield* Effect.promise(() => served.process.ready)
    })
  const [first, second, third] = yield* stations(url, data, folder, ["bun", "node", "bun"])
  if (first === undefined || second === undefined || third === undefined) return []
  const site = { folder, data, url }
  const judged = ({ expected, late }: Scenario): Found => {
    const found = holds(expected)
    const overdue = late.flatMap((problem) => (problem === null ? [] : [problem]))
    return { ...found, problems: [...overdue, ...found.problems.slice(0, 5)] }
  }
  return [
    { name: "a buffer restored", ...judged(yield* bufferRestored({ ...site, station: first })) },
    { name: "one backup on two phones", ...judged(yield* twoPhones({ ...site, station: second })) },
    { name: "a server restored", ...judged(yield* serverRestored({ ...site, station: third, restart })) },
  ]
})

/** In each round a buffer, two phones' buffers, and a server are restored from old backups. */
export const bridgeRestores = (rounds: number) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    let acknowledged = 0
    let gaps = 0
    for (let i = 0; i < rounds; i++) {
      for (const scenario of yield* Effect.scoped(round)) {
        acknowledged += scenario.acknowledged
        gaps += scenario.gaps
        problems.push(...scenario.problems.map((problem) => `round ${i}, ${scenario.name}: ${problem}`))
      }
    }
    return { rounds, acknowledged, gaps, problems } satisfies Outcome & { readonly gaps: number }
  })
