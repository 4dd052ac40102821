/**
 * The command line: what commands there are and their flags; `Help.ts` says the same to people. What a command does is
 * loaded when it is run, so that each starts as fast as it can.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Console, Effect, Option } from "effect"
import { RELEASE } from "../observability/Version.ts"
import * as AthleteCommands from "./AthleteCommands.ts"
import * as Help from "./Help.ts"
import * as OperationsCommands from "./OperationsCommands.ts"
import * as SettingFlags from "./SettingFlags.ts"

const json = Options.boolean("json").pipe(Options.withDescription("Print JSON, for programs."))

const local = { data: SettingFlags.data, config: SettingFlags.file }

const optionalText = (name: string, description: string) =>
  Options.text(name).pipe(
    Options.withDescription(description),
    Options.optional,
    Options.map((value) => Option.getOrUndefined(value)),
  )

const serve = Command.make(
  "serve",
  {
    ...SettingFlags.all,
    demo: Options.boolean("demo").pipe(Options.withDescription("With a class of made-up athletes that train.")),
    demoFiles: Options.text("demo-file").pipe(
      Options.withDescription("A FIT activity for the demo class to play."),
      Options.repeated,
    ),
  },
  ({ demo, demoFiles, ...flags }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load(flags)
      const { serve } = yield* Effect.promise(() => import("./serve/index.ts"))
      yield* serve({ settings, demo: demo || demoFiles.length > 0, demoFiles })
    }),
).pipe(
  Command.withDescription("Run a server: the live wall, the API and the doors for bridges, on data in one folder."),
)

/** Here for the help: its flags are the bridge's own, and `main` hands them on before this is looked at. */
const bridge = Command.make("bridge", { arguments: Args.text({ name: "flags" }).pipe(Args.repeated) }).pipe(
  Command.withDescription(
    "Run a bridge: it buffers sensors in a folder of its own and delivers each sample to a server once.",
  ),
)

export const device = Command.make("device", {}, () => Console.log(Help.of(["device"]))).pipe(
  Command.withDescription("Register bridges with the server that runs here, and say who wears which sensor."),
  Command.withSubcommands([
    Command.make("add", { name: Args.text({ name: "name" }), json, ...local }, ({ name, json, ...flags }) =>
      Effect.gen(function* () {
        const settings = yield* SettingFlags.load(flags)
        const device = yield* Effect.promise(() => import("./device.ts"))
        yield* device.add(settings, { name, json })
      }),
    ).pipe(Command.withDescription("Register a bridge and show its key.")),
    Command.make("list", { json, ...local }, ({ json, ...flags }) =>
      Effect.gen(function* () {
        const settings = yield* SettingFlags.load(flags)
        const device = yield* Effect.promise(() => import("./device.ts"))
        yield* device.list(settings, { json })
      }),
    ).pipe(Command.withDescription("List the bridges, and what they delivered.")),
    Command.make(
      "pair",
      {
        device: Args.text({ name: "device" }),
        sensor: Args.text({ name: "sensor" }),
        athlete: Args.text({ name: "athlete" }),
        class: Options.text("class").pipe(Options.withDescription("The class's id."), Options.withDefault("main")),
        source: optionalText("source", "What kind of source it is."),
        json,
        ...local,
      },
      ({ config, data, ...options }) =>
        Effect.gen(function* () {
          const settings = yield* SettingFlags.load({ config, data })
          const device = yield* Effect.promise(() => import("./device.ts"))
          yield* device.pair(settings, options)
        }),
    ).pipe(Command.withDescription("Say who wears a sensor, and in which class.")),
  ]),
)

const series = Command.make(
  "series",
  {
    athlete: Args.text({ name: "athlete" }),
    kind: optionalText("kind", "What was measured."),
    from: optionalText("from", "The first instant."),
    to: optionalText("to", "Up to this instant."),
    resolution: Options.text("resolution").pipe(
      Options.withDescription("How wide a bucket is."),
      Options.withDefault("1min"),
    ),
    best: Options.boolean("best").pipe(Options.withDescription("One series of the best sources.")),
    csv: Options.boolean("csv").pipe(Options.withDescription("Print CSV.")),
    json,
    ...local,
  },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const { series } = yield* Effect.promise(() => import("./series.ts"))
      yield* series(settings, options)
    }),
).pipe(Command.withDescription("Print what was measured of an athlete."))

const config = Command.make("config", { json, ...SettingFlags.all }, ({ json, ...flags }) =>
  Effect.gen(function* () {
    const settings = yield* SettingFlags.load(flags)
    const { config } = yield* Effect.promise(() => import("./config.ts"))
    yield* config(settings, { json })
  }),
).pipe(
  Command.withDescription(
    "Print each setting, its value, and where that came from: flag, environment, file or default.",
  ),
)

const version = Command.make("version", {}, () => Console.log(RELEASE)).pipe(
  Command.withDescription("Print the version."),
)

const root = Command.make("paceline").pipe(
  Command.withDescription("The self-hosted engine for training together: straps, bridge, server and live wall."),
)

/** The commands that a server needs; without what only a rehearsal does. */
const commands = [
  serve,
  bridge,
  device,
  AthleteCommands.athlete,
  series,
  OperationsCommands.log,
  OperationsCommands.deadLetters,
  OperationsCommands.backup,
  config,
  version,
] as const

export const light = root.pipe(Command.withSubcommands(commands))

/** All commands. */
export const load = Effect.map(
  Effect.promise(() => import("./rehearse/index.ts")),
  ({ rehearse }) => root.pipe(Command.withSubcommands([...commands, rehearse])),
)

/** What `light` understands. */
export const LIGHT: ReadonlyArray<string> = [
  "serve",
  "device",
  "athlete",
  "series",
  "log",
  "dead-letters",
  "backup",
  "config",
  "version",
]
