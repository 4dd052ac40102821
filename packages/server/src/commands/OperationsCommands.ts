/** `paceline log`, `paceline dead-letters` and `paceline backup`: their flags. What each does is loaded when it is run. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Console, Effect, Option } from "effect"
import * as Help from "./Help.ts"
import * as SettingFlags from "./SettingFlags.ts"

const json = Options.boolean("json").pipe(Options.withDescription("Print JSON, for programs."))
const yes = Options.boolean("yes").pipe(Options.withDescription("Do it."))
const local = { data: SettingFlags.data, config: SettingFlags.file }

const optionalText = (name: string, description: string) =>
  Options.text(name).pipe(
    Options.withDescription(description),
    Options.optional,
    Options.map((value) => Option.getOrUndefined(value)),
  )

const optionalNumber = (name: string, description: string) =>
  Options.integer(name).pipe(
    Options.withDescription(description),
    Options.optional,
    Options.map((value) => Option.getOrUndefined(value)),
  )

const groupArg = Args.text({ name: "group" })
const topicArg = Args.text({ name: "topic" })

const tail = Command.make(
  "tail",
  {
    topic: topicArg,
    key: optionalText("key", "Only records of this key."),
    from: optionalText("from", "Begin there."),
    limit: optionalNumber("limit", "At most so many."),
    follow: Options.boolean("follow").pipe(Options.withDescription("Go on with what is appended.")),
    json,
    ...local,
  },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const { tail } = yield* Effect.promise(() => import("./log/tail.ts"))
      yield* tail(settings, options)
    }),
).pipe(Command.withDescription("Print records of a topic."))

const groups = Command.make("groups", { json, ...local }, ({ json, ...flags }) =>
  Effect.gen(function* () {
    const settings = yield* SettingFlags.load(flags)
    const { groups } = yield* Effect.promise(() => import("./log/groups.ts"))
    yield* groups(settings, { json })
  }),
).pipe(Command.withDescription("List the consumer groups, and where each stands."))

const lag = Command.make(
  "lag",
  { watch: Options.boolean("watch").pipe(Options.withDescription("Again every second.")), json, ...local },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const { lag } = yield* Effect.promise(() => import("./log/lag.ts"))
      yield* lag(settings, options)
    }),
).pipe(Command.withDescription("Show how far each consumer group is."))

const seek = Command.make(
  "seek",
  {
    group: groupArg,
    topic: topicArg,
    to: Options.text("to").pipe(Options.withDescription("Where it goes on.")),
    partition: optionalNumber("partition", "Only in this partition."),
    yes,
    json,
    ...local,
  },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const { seek } = yield* Effect.promise(() => import("./log/seek.ts"))
      yield* seek(settings, options)
    }),
).pipe(Command.withDescription("Move a consumer group back or forward."))

const forget = Command.make(
  "forget",
  { group: groupArg, topic: topicArg, yes, json, ...local },
  ({ config, data, ...options }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load({ config, data })
      const { forget } = yield* Effect.promise(() => import("./log/seek.ts"))
      yield* forget(settings, options)
    }),
).pipe(Command.withDescription("Forget a consumer group that nobody runs any more."))

/** What a group of commands says when none of them is named. */
const help = (group: string) => Effect.suspend(() => Console.log(Help.of([group])))

export const log = Command.make("log", {}, () => help("log")).pipe(
  Command.withDescription("The event log of the server that runs here, and those who follow it."),
  Command.withSubcommands([tail, groups, lag, seek, forget]),
)

const letters = {
  group: optionalText("group", "Only of this consumer group."),
  topic: optionalText("topic", "Only of this topic."),
}
const idArg = Args.text({ name: "id" })
const idOrAll = {
  id: Args.optional(idArg).pipe(Args.map((value) => Option.getOrUndefined(value))),
  all: Options.boolean("all").pipe(Options.withDescription("All there are now.")),
}

export const deadLetters = Command.make("dead-letters", {}, () => help("dead-letters")).pipe(
  Command.withDescription("What consumer groups could not handle and gave up."),
  Command.withSubcommands([
    Command.make(
      "list",
      { ...letters, limit: optionalNumber("limit", "At most so many."), json, ...local },
      ({ config, data, ...options }) =>
        Effect.gen(function* () {
          const settings = yield* SettingFlags.load({ config, data })
          const deadLetters = yield* Effect.promise(() => import("./deadLetters.ts"))
          yield* deadLetters.list(settings, options)
        }),
    ).pipe(Command.withDescription("List them.")),
    Command.make("show", { id: idArg, ...letters, json, ...local }, ({ config, data, ...options }) =>
      Effect.gen(function* () {
        const settings = yield* SettingFlags.load({ config, data })
        const deadLetters = yield* Effect.promise(() => import("./deadLetters.ts"))
        yield* deadLetters.show(settings, options)
      }),
    ).pipe(Command.withDescription("Show one.")),
    Command.make("replay", { ...idOrAll, ...letters, json, ...local }, ({ config, data, ...options }) =>
      Effect.gen(function* () {
        const settings = yield* SettingFlags.load({ config, data })
        const deadLetters = yield* Effect.promise(() => import("./deadLetters.ts"))
        yield* deadLetters.replay(settings, options)
      }),
    ).pipe(Command.withDescription("Give it back to its group.")),
    Command.make("drop", { ...idOrAll, yes, ...letters, json, ...local }, ({ config, data, ...options }) =>
      Effect.gen(function* () {
        const settings = yield* SettingFlags.load({ config, data })
        const deadLetters = yield* Effect.promise(() => import("./deadLetters.ts"))
        yield* deadLetters.drop(settings, options)
      }),
    ).pipe(Command.withDescription("Give it up for good.")),
  ]),
)

export const backup = Command.make(
  "backup",
  { to: Args.text({ name: "to" }), json, ...local },
  ({ json, to, ...flags }) =>
    Effect.gen(function* () {
      const settings = yield* SettingFlags.load(flags)
      const { backup } = yield* Effect.promise(() => import("./backup.ts"))
      yield* backup(settings, { to, json })
    }),
).pipe(Command.withDescription("Copy all data to one file."))
