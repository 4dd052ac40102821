/**
 * A rehearsal from start to verdict: start the line, let the class train while things break, let the bridge
 * drain and the consumers catch up, then compare every sample and every point.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { datedFrom } from "@paceline/device-bridge/process"
import { Clock, Effect, type Scope } from "effect"
import { FILE as SERVER_FILE } from "../../adapters/sqlite/SqliteStore.ts"
import * as Audit from "./Audit.ts"
import { classNamed } from "./Enrolment.ts"
import { RehearsalFailed, until } from "./Failure.ts"
import { percentile } from "./Latency.ts"
import * as Ledger from "./Ledger.ts"
import * as Line from "./Line.ts"
import * as Points from "./Points.ts"
import { lastWords, ProcessFailed } from "./Processes.ts"
import type { Progress } from "./Progress.ts"
import type { Report } from "./Report.ts"
import * as Schedule from "./Schedule.ts"
import * as Self from "./Self.ts"
import type { Source } from "./Source.ts"
import type { Supervised } from "./Supervised.ts"
import * as TcpProxy from "./TcpProxy.ts"
import { train } from "./Training.ts"
import * as Wall from "./Wall.ts"

export interface RehearsalOptions {
  readonly source: Source
  /** Real seconds of training. */
  readonly seconds: number
  /** The straps' clock runs so many times as fast as the wall's. */
  readonly speed: number
  readonly bridgeRuntime: Self.BridgeRuntime
  /** Where to keep data and logs; null: in a temporary folder that is removed. */
  readonly keep: string | null
  readonly seed: number
}

/** So often the bridge makes a chunk, so that a short run has hundreds. */
const FLUSH_MILLIS = 50

/** The straps begin when the bridge has had this long to start. */
const LEAD_MILLIS = 1_500

/** How long the bridge may take to deliver what waits when the straps have ended. */
const DRAIN_MILLIS = 90_000

const CLASS = classNamed("rehearsal")

export const run = (
  options: RehearsalOptions,
  progress: Progress,
): Effect.Effect<Report, Line.LineError, Scope.Scope> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const command = yield* Self.bridge(options.bridgeRuntime)
    const folder = yield* workFolder(options.keep)

    progress.phase("Server, class and wall are up")
    const server = yield* Line.startServer(Self.self, folder)
    const device = yield* Line.enrol(server, CLASS, options.source.athletes)
    const network = yield* TcpProxy.make({ host: "127.0.0.1", port: server.port }).pipe(
      Line.asFailure("The network could not be made"),
    )
    const wall = yield* Wall.watch({ url: server.url, classId: CLASS, bridgeSinceMs: network.flowingSinceMs })
    yield* until(
      "the wall was live",
      10_000,
      Effect.sync(() => wall.state() === "live"),
    )

    progress.phase("The class trains while things break")
    const schedule = Schedule.make(options)
    const startedAtMs = (yield* Clock.currentTimeMillis) + LEAD_MILLIS
    const { files } = options.source
    const playback = { startedAtMs, files, seed: options.seed, speed: options.speed, seconds: options.seconds }
    const bridge = yield* Line.startBridge({
      ...playback,
      command,
      device,
      folder,
      port: network.port,
      flushMillis: FLUSH_MILLIS,
    })
    yield* train({
      schedule,
      startedAtMs,
      seconds: options.seconds,
      victims: { bridge, server: server.process },
      network,
      progress,
      describe: () => `wall ${wall.state()}, ${wall.latencies().length} readings`,
    }).pipe(Effect.raceFirst(mustGoOn(bridge)), Effect.raceFirst(mustGoOn(server.process)))

    progress.phase("The bridge delivers what waits, the consumers catch up")
    yield* drained(bridge).pipe(Effect.raceFirst(mustGoOn(server.process)))
    yield* Line.consumersCaughtUp(server)

    progress.phase("Every sample and every point is compared")
    const figures = yield* Line.figures(server, CLASS, device)
    const sum = (list: ReadonlyArray<{ readonly points: number }>) => list.reduce((all, { points }) => all + points, 0)
    yield* until(
      "the wall showed the leaderboard that the server has",
      10_000,
      Effect.sync(() => sum(wall.leaderboard()) === sum(figures.standings)),
    )
    const { recorded, stored } = yield* Effect.try({
      try: () => ({
        recorded: Audit.ofBridge(Line.bridgeBuffer(folder)),
        stored: Audit.ofServer(join(server.dataFolder, SERVER_FILE), device.deviceId),
      }),
      catch: (cause) => new RehearsalFailed({ message: `The data could not be audited: ${String(cause)}` }),
    })
    const samples = Ledger.compare(recorded.chunks, stored.chunks)
    const said = options.source.said(datedFrom(playback), options.seconds * options.speed)
    const source = Ledger.checkSource(recorded.chunks, said)
    const points = Points.compare(recorded.chunks, device.athletes, figures.standings, figures.awardsOf)
    const unreadable = [...recorded.unreadable, ...stored.unreadable]
    const latencies = wall.latencies()
    return {
      athletes: device.athletes.length,
      samplesRecorded: samples.samplesRecorded,
      samplesStored: samples.samplesStored,
      lost: samples.lost,
      duplicated: samples.duplicated,
      mismatched: samples.altered + source.invented + source.skipped + points.sessionsWrong + unreadable.length,
      unheard: source.unheard,
      chunks: stored.chunks.length,
      redeliveriesSuppressed: figures.redeliveriesSuppressed,
      liveP50Ms: percentile(latencies, 0.5),
      liveP99Ms: percentile(latencies, 0.99),
      liveReadings: latencies.length,
      pointsExpected: points.expected,
      pointsAwarded: points.awarded,
      pointsWrong: points.wrong,
      kills: schedule.kills.length,
      networkCuts: schedule.cuts.length,
      networkCutSeconds: Schedule.cutMillis(schedule) / 1000,
      seed: options.seed,
      seconds: ((yield* Clock.currentTimeMillis) - began) / 1000,
      findings: [...unreadable, ...samples.findings, ...source.findings, ...points.findings].slice(0, 20),
    }
  })

/** The folder of a run; a temporary one is removed at the end, however that comes. */
const workFolder = (keep: string | null): Effect.Effect<string, RehearsalFailed, Scope.Scope> =>
  keep === null
    ? Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-rehearsal-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
      )
    : Effect.try({
        try: () => {
          const folder = resolve(keep)
          mkdirSync(folder, { recursive: true })
          if (readdirSync(folder).length > 0) throw new Error("it is not empty")
          return folder
        },
        catch: (cause) => new RehearsalFailed({ message: `The folder ${keep} cannot be used: ${messageOf(cause)}.` }),
      })

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Fails when a part ends that nobody killed. */
const mustGoOn = (part: Supervised): Effect.Effect<never, ProcessFailed> =>
  Effect.flatMap(part.ended, (code) => endedWith(part, code))

const drained = (bridge: Supervised): Effect.Effect<void, RehearsalFailed | ProcessFailed> =>
  bridge.ended.pipe(
    Effect.flatMap((code) => (code === 0 ? Effect.void : endedWith(bridge, code))),
    Effect.timeoutFail({
      duration: DRAIN_MILLIS,
      onTimeout: () => {
        const last = lastWords(bridge.current())
        return new RehearsalFailed({
          message: `Not within ${DRAIN_MILLIS / 1000} s: the bridge had delivered all. ${last}`,
        })
      },
    }),
  )

const endedWith = (part: Supervised, code: number) => {
  const child = part.current()
  return new ProcessFailed({ message: `${child.name} ended by itself with exit code ${code}. ${lastWords(child)}` })
}
