/**
 * The line as it runs in a gym, in real processes on loopback: server, class, network and bridge.
 *
 * Whatever is started here ends with the scope: processes are killed, sockets closed.
 */
import { existsSync, readFileSync } from "node:fs"
import * as Net from "node:net"
import { join } from "node:path"
import type { AthleteId, ClassId, DeviceId, PointsAward } from "@paceline/core/contract"
import { Effect, Random, Schema, type Scope } from "effect"
import * as Enrolment from "./Enrolment.ts"
import { RehearsalFailed, until } from "./Failure.ts"
import * as Processes from "./Processes.ts"
import type { Command } from "./Self.ts"
import * as Supervised from "./Supervised.ts"

/** How long a server may take to answer after its start, also on a slow machine, in milliseconds. */
const SERVER_START_MILLIS = 20_000

export type LineError = RehearsalFailed | Processes.ProcessFailed

export interface Server {
  readonly process: Supervised.Supervised
  readonly url: string
  readonly port: number
  readonly dataFolder: string
}

export const startServer = (self: Command, folder: string): Effect.Effect<Server, LineError, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* freePort
    const dataFolder = join(folder, "server")
    const flags = [
      ...["--host", "127.0.0.1"],
      ...["--port", String(port)],
      ...["--data", dataFolder],
      ...["--log-format", "json"],
      // Up to 500 athletes are enrolled at once, by one admin.
      ...["--limit-admin", "0"],
    ]
    const process = yield* Supervised.start({
      name: "the server",
      command: [...self, "serve", ...flags],
      logFile: join(folder, "server.log"),
    })
    const server = { process, port, dataFolder, url: `http://127.0.0.1:${port}` }
    yield* until("the server was ready", SERVER_START_MILLIS, Effect.as(readiness(server), true)).pipe(
      Effect.mapError(
        ({ message }) => new RehearsalFailed({ message: `${message} ${Processes.lastWords(process.current())}` }),
      ),
      Effect.raceFirst(Processes.mustRun(process.current())),
    )
    return server
  })

const Readiness = Schema.Struct({ status: Schema.Literal("ready") })

const readiness = (server: { readonly url: string }) =>
  Effect.tryPromise(async (signal) => {
    const answer = await fetch(`${server.url}/readyz`, { signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]) })
    if (!answer.ok) throw new Error(`/readyz answered ${answer.status}`)
    return Schema.decodeUnknownSync(Readiness)(await answer.json())
  })

/** Every consumer group has handled all that the log holds, also what it had parked. */
export const consumersCaughtUp = (server: Server): Effect.Effect<void, RehearsalFailed> =>
  Effect.gen(function* () {
    const { groups } = yield* asAdmin(server)
    const nothingWaits = Effect.map(groups, (all) => all.every(({ waiting }) => waiting === 0))
    // Twice: what one group did while the first answer was made may have given the next group work.
    yield* until("all consumers had caught up with the log", 30_000, nothingWaits)
    yield* until("all consumers had caught up with the log", 30_000, nothingWaits)
  }).pipe(asFailure("The server could not be asked whether its consumers had caught up"))

interface EnrolledAthlete {
  readonly athleteId: AthleteId
  readonly alias: string
  readonly sensor: string
  readonly maxHeartRateBpm: number
}

export interface EnrolledClass {
  readonly deviceId: DeviceId
  readonly deviceKey: string
  readonly athletes: ReadonlyArray<EnrolledAthlete>
}

/** A device, athletes, and a strap for each of them. */
export const enrol = (
  server: Server,
  classId: ClassId,
  athletes: ReadonlyArray<Enrolment.NewAthlete>,
): Effect.Effect<EnrolledClass, RehearsalFailed> =>
  Effect.gen(function* () {
    const admin = yield* asAdmin(server)
    const { deviceId, key } = yield* admin.addDevice("Rehearsal")
    const enrolled = yield* Effect.forEach(athletes, (athlete, i) =>
      Effect.gen(function* () {
        const { athleteId } = yield* admin.addAthlete(athlete)
        const sensor = Enrolment.strapName(i)
        yield* admin.pair(deviceId, sensor, athleteId, classId)
        return { athleteId, sensor, alias: athlete.alias, maxHeartRateBpm: athlete.maxHeartRateBpm }
      }),
    )
    return { deviceId, deviceKey: key, athletes: enrolled }
  }).pipe(asFailure("The class could not be enrolled"))

/** What the server says of itself when all is done. */
export const figures = (server: Server, classId: ClassId, { athletes }: EnrolledClass) =>
  Effect.gen(function* () {
    const admin = yield* asAdmin(server)
    const devices = yield* admin.devices
    const standings = yield* admin.leaderboard(classId)
    const awards = new Map<AthleteId, ReadonlyArray<PointsAward>>()
    for (const { athleteId } of athletes) awards.set(athleteId, yield* admin.points(athleteId))
    return {
      standings,
      awardsOf: (athleteId: AthleteId) => awards.get(athleteId) ?? [],
      redeliveriesSuppressed: devices.reduce((sum, device) => sum + device.redeliveriesSuppressed, 0),
    }
  }).pipe(asFailure("The server could not be asked for its figures"))

/** The server's API with the key that it writes into its data folder, shortly after it begins to answer. */
const asAdmin = (server: Server) => {
  const file = join(server.dataFolder, "admin.key")
  return until(
    `the server had written ${file}`,
    5_000,
    Effect.sync(() => existsSync(file)),
  ).pipe(
    Effect.zipRight(Effect.try({ try: () => readFileSync(file, "utf8").trim(), catch: (cause) => cause })),
    Effect.flatMap((adminKey) => Enrolment.connect({ url: server.url, adminKey })),
  )
}

/** Any error as the failure of the rehearsal, after what could not be done. */
export const asFailure =
  (what: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, RehearsalFailed, R> =>
    Effect.mapError(effect, (error) => {
      const reason = error instanceof Error ? error.message : String(error)
      return new RehearsalFailed({ message: `${what}: ${reason}` })
    })

export interface BridgeOptions {
  /** The command line before the flags. */
  readonly command: Command
  /** Where the server is for the bridge: behind the network. */
  readonly port: number
  readonly device: EnrolledClass
  readonly folder: string
  readonly seed: number
  readonly files: ReadonlyArray<string>
  readonly speed: number
  readonly seconds: number
  /** When the playback begins, milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly flushMillis: number
}

const bridgeDataFolder = (folder: string): string => join(folder, "bridge")

/** The bridge's buffer. */
export const bridgeBuffer = (folder: string): string => join(bridgeDataFolder(folder), "buffer.sqlite")

export const startBridge = (
  options: BridgeOptions,
): Effect.Effect<Supervised.Supervised, Processes.ProcessFailed, Scope.Scope> =>
  Supervised.start({
    name: "the bridge",
    command: [
      ...options.command,
      ...["--url", `ws://127.0.0.1:${options.port}`],
      ...["--device", options.device.deviceId],
      ...["--data", bridgeDataFolder(options.folder)],
      ...["--athletes", String(options.device.athletes.length)],
      ...["--seed", String(options.seed)],
      ...options.files.flatMap((file) => ["--file", file]),
      ...["--speed", String(options.speed)],
      ...["--started-at", String(options.startedAtMs)],
      ...["--seconds", String(options.seconds)],
      ...["--flush-ms", String(options.flushMillis)],
      ...["--keep-delivered", "--exit-when-drained", "--json"],
    ],
    // Not on the command line, where every process on the machine could read it.
    env: { PACELINE_DEVICE_KEY: options.device.deviceKey },
    logFile: join(options.folder, "bridge.log"),
  })

/**
 * A port that was free a moment ago, below those that systems give out by themselves (from 32768 on): the server
 * must come back on it after it was killed, and nobody else may have been given it meanwhile.
 */
const freePort: Effect.Effect<number, RehearsalFailed> = Random.nextIntBetween(16_000, 32_000).pipe(
  Effect.tap((port) =>
    Effect.async<void, RehearsalFailed>((resume) => {
      const probe = Net.createServer()
      probe.on("error", ({ message }) => resume(new RehearsalFailed({ message: `There is no free port: ${message}` })))
      probe.listen(port, "127.0.0.1", () => probe.close(() => resume(Effect.void)))
    }),
  ),
  Effect.retry({ times: 20 }),
)
