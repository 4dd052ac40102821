/** `paceline athlete …`: which commands there are, and their flags. What one does is loaded when it is run. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Console, Effect } from "effect"
import * as Help from "./Help.ts"
import * as SettingFlags from "./SettingFlags.ts"

const json = Options.boolean("json").pipe(Options.withDescription("Print JSON, for programs."))
const yes = Options.boolean("yes").pipe(Options.withDescription("Do it, and do not only say what would be done."))
const local = { data: SettingFlags.data, config: SettingFlags.file }
const athleteArg = Args.text({ name: "athlete" })

const add = Command.make(
  "add",
  {
    alias: Args.text({ name: "alias" }),
    maxHeartRateBpm: Options.integer("max-heart-rate").pipe(
      Options.withDescription("Their greatest heart rate, beats a minute."),
      Options.withDefault(190),
    ),
    hidden: Options.boolean("hidden").pipe(Options.withDescription("Do not show their heart rate.")),
    json,
    ...local,
  },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const athlete = yield* Effect.promise(() => import("./athlete.ts"))
      yield* athlete.add(settings, options)
    }),
).pipe(Command.withDescription("Add an athlete, and show the link to their own page."))

const list = Command.make("list", { json, ...local }, ({ json, ...flags }) =>
  Effect.gen(function* () {
    const settings = yield* SettingFlags.load(flags)
    const athlete = yield* Effect.promise(() => import("./athlete.ts"))
    yield* athlete.list(settings, { json })
  }),
).pipe(Command.withDescription("List the athletes."))

const merges = Command.make("merges", { athlete: athleteArg, json, ...local }, ({ config, data, ...options }) =>
  Effect.gen(function* () {
    const settings = yield* SettingFlags.load({ config, data })
    const athleteMerges = yield* Effect.promise(() => import("./athleteMerges.ts"))
    yield* athleteMerges.list(settings, options)
  }),
).pipe(Command.withDescription("List activities that several sources recorded."))

const merge = Command.make(
  "merge",
  { athlete: athleteArg, sessions: Args.text({ name: "session" }).pipe(Args.atLeast(2)), json, ...local },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const athleteMerges = yield* Effect.promise(() => import("./athleteMerges.ts"))
      yield* athleteMerges.merge(settings, options)
    }),
).pipe(Command.withDescription("Say that recordings are one activity."))

const part = Command.make(
  "part",
  { athlete: athleteArg, merge: Args.text({ name: "merge" }), json, ...local },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const athleteMerges = yield* Effect.promise(() => import("./athleteMerges.ts"))
      yield* athleteMerges.part(settings, options)
    }),
).pipe(Command.withDescription("Take a merge apart, for good."))

const exportTo = Command.make(
  "export",
  {
    athlete: athleteArg,
    to: Options.text("to").pipe(Options.withDescription("The file to write.")),
    json,
    ...local,
  },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const privacy = yield* Effect.promise(() => import("./athletePrivacy.ts"))
      yield* privacy.exportTo(settings, options)
    }),
).pipe(Command.withDescription("Write all that is kept of an athlete to a file."))

const erase = Command.make("erase", { athlete: athleteArg, yes, json, ...local }, ({ config, data, ...options }) =>
  Effect.gen(function* () {
    const settings = yield* SettingFlags.load({ config, data })
    const privacy = yield* Effect.promise(() => import("./athletePrivacy.ts"))
    yield* privacy.erase(settings, options)
  }),
).pipe(Command.withDescription("Erase an athlete and all that is kept of them."))

export const athlete = Command.make("athlete", {}, () => Console.log(Help.of(["athlete"]))).pipe(
  Command.withDescription("The athletes of the server that runs here: their activities, and their data."),
  Command.withSubcommands([add, list, merges, merge, part, exportTo, erase]),
)
