/**
 * The demo class of `paceline serve --demo`: a bridge with twelve athletes, so that the wall lives without a strap.
 *
 * They are registered once per data folder, over the API, like real ones. The bridge is a process of its own
 * beside the server; it is started again (with backoff) when it ends, and ends with the server.
 *
 * @example
 * yield* startDemo({ url: "http://127.0.0.1:8080", dataFolder: "./paceline-data", files: [] })
 */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Backoff } from "@paceline/core/kernel"
import { Clock, Effect, Random, Schema, type Scope } from "effect"
import * as Enrolment from "../rehearse/Enrolment.ts"
import * as Processes from "../rehearse/Processes.ts"
import { self } from "../rehearse/Self.ts"
import * as Source from "../rehearse/Source.ts"
import * as DemoState from "./DemoState.ts"

export interface DemoOptions {
  /** Where this machine reaches the server, which must be ready. */
  readonly url: string
  /** The server's data folder. The demo keeps `demo.json` and `demo-bridge/` in it. */
  readonly dataFolder: string
  /** FIT activities to play; none: made-up athletes. */
  readonly files: ReadonlyArray<string>
}

/** The demo could not be started; `message` says why. The server runs on without it. */
export class DemoFailed extends Schema.TaggedError<DemoFailed>("paceline/DemoFailed")("DemoFailed", {
  message: Schema.String,
}) {}

const CLASS = Enrolment.classNamed("main")
const ATHLETES = 12
const SEED = 20

/** Every fifth of them keeps the heart rate private, as people do. */
const hidesHeartRate = (index: number): boolean => index % 5 === 3

/**
 * Who looks sees the class in full swing: the straps have trained for so long before, one whole training and twelve
 * minutes of the next, and remember it. So there are points on the tiles, and on the leaderboard.
 */
const UNDER_WAY_MINUTES = 42

/** Registers what is missing and starts the bridge. Returns then; the bridge lives as long as the scope. */
export const startDemo = (options: DemoOptions): Effect.Effect<void, DemoFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const source = yield* Source.load({ athletes: ATHLETES, files: options.files, seed: SEED })
    const registered = yield* register(options, source.athletes)
    yield* Effect.forkScoped(supervise(yield* bridgeProcess(options, source, registered)))
  }).pipe(
    Effect.mapError((error) => {
      const reason = error instanceof Error ? error.message : String(error)
      return new DemoFailed({ message: `The demo class could not be started: ${reason}` })
    }),
  )

interface Registered {
  readonly device: DemoState.Device
  readonly startedAtMs: number
}

const bridgeProcess = (options: DemoOptions, source: Source.Source, { device, startedAtMs }: Registered) =>
  Effect.gen(function* () {
    const folder = join(options.dataFolder, "demo-bridge")
    yield* Effect.try(() => mkdirSync(folder, { recursive: true, mode: 0o700 }))
    const process: Processes.ProcessOptions = {
      name: "the demo's bridge",
      command: [
        ...self,
        "bridge",
        ...["--url", options.url.replace(/^http/, "ws")],
        ...["--device", device.deviceId],
        ...["--data", folder],
        ...["--athletes", String(ATHLETES)],
        ...["--seed", String(SEED)],
        ...source.files.flatMap((file) => ["--file", file]),
        ...["--started-at", String(startedAtMs)],
        ...["--memory-minutes", String(UNDER_WAY_MINUTES)],
        // Heard as packets, so that the demo takes the way that real straps take.
        "--radio",
        // Its status lines are also how it notices that this server is gone: the pipe breaks.
        "--json",
      ],
      env: { PACELINE_DEVICE_KEY: device.key },
    }
    return process
  })

/** Does what is not done yet, and remembers each step when it is done. */
const register = (options: DemoOptions, athletes: ReadonlyArray<Enrolment.NewAthlete>) =>
  Effect.gen(function* () {
    const file = join(options.dataFolder, "demo.json")
    const adminKey = yield* Effect.try(() => readFileSync(join(options.dataFolder, "admin.key"), "utf8").trim())
    const admin = yield* Enrolment.connect({ url: options.url, adminKey })
    let state = DemoState.load(file)
    const save = (next: DemoState.DemoState) =>
      Effect.try(() => {
        DemoState.save(file, next)
        state = next
      })

    const { deviceId, key } = state.device ?? (yield* admin.addDevice("Demo"))
    if (state.device === null) yield* save({ ...state, device: { deviceId, key } })
    for (const [i, athlete] of athletes.entries()) {
      const athleteId =
        state.athletes[i] ?? (yield* admin.addAthlete({ ...athlete, heartRateVisible: !hidesHeartRate(i) })).athleteId
      if (i >= state.athletes.length) yield* save({ ...state, athletes: [...state.athletes, athleteId] })
      if (i < state.paired) continue
      yield* admin.pair(deviceId, Enrolment.strapName(i), athleteId, CLASS)
      yield* save({ ...state, paired: i + 1 })
    }
    const startedAtMs = state.startedAtMs ?? (yield* Clock.currentTimeMillis) - UNDER_WAY_MINUTES * 60_000
    if (state.startedAtMs === null) yield* save({ ...state, startedAtMs })
    return { device: { deviceId, key }, startedAtMs }
  })

/** A life longer than this was a good one: the next wait is short again. */
const GOOD_LIFE_MILLIS = 60_000

/** Keeps the process running until interrupted. */
const supervise = (options: Processes.ProcessOptions): Effect.Effect<never> =>
  Effect.gen(function* () {
    let failures = 0
    while (true) {
      const startedAt = yield* Clock.currentTimeMillis
      const message = yield* Processes.start(options).pipe(
        Effect.flatMap(Processes.mustRun),
        Effect.scoped,
        Effect.merge,
        Effect.map((failed) => failed.message),
      )
      if ((yield* Clock.currentTimeMillis) - startedAt > GOOD_LIFE_MILLIS) failures = 0
      const delay = 500 + Backoff.delayMillis(Backoff.standard, failures++, yield* Random.next)
      yield* Effect.logWarning("The demo's bridge ended; it is started again.").pipe(
        Effect.annotateLogs({ message, delayMillis: delay }),
      )
      yield* Effect.sleep(delay)
    }
  })
