#!/usr/bin/env bun
/** The command line of Paceline. `paceline --help` says what it can do. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import * as BunContext from "@effect/platform-bun/BunContext"
import * as BunRuntime from "@effect/platform-bun/BunRuntime"
import { Cause, Effect, Layer, Option } from "effect"
import * as CommandLine from "./commands/CommandLine.ts"
import * as Help from "./commands/Help.ts"
import { LogLevelFlag, takeLogLevel } from "./commands/SettingFlags.ts"
import { RELEASE } from "./observability/Version.ts"

/** One sentence for what can go wrong; the stack for what must not. */
const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.void
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  // The command line has printed these itself.
  if (ValidationError.isValidationError(failure)) return Effect.void
  const text = failure instanceof Error ? failure.message : Cause.pretty(cause)
  return Effect.sync(() => console.error(`paceline: ${text}`))
}

const [runtime = "", program = "", ...args] = process.argv
const [first, ...rest] = args
const logLevel = takeLogLevel(args)

const cli = Effect.gen(function* () {
  const command = first !== undefined && CommandLine.LIGHT.includes(first) ? CommandLine.light : yield* CommandLine.load
  yield* Command.run(command, { name: "paceline", version: RELEASE })([runtime, program, ...logLevel.others])
})

const asksForHelp = args.length === 0 || first === "help" || args.includes("--help") || args.includes("-h")

if (first === "bridge") {
  // Its flags and its help are its own, and it lives without the rest of this program.
  import("./commands/bridge.ts").then(async ({ bridge }) => process.exit(await bridge(rest)))
} else if (asksForHelp) {
  console.log(Help.of((first === "help" ? rest : args).filter((arg) => !arg.startsWith("-"))))
} else {
  cli.pipe(
    Effect.tapErrorCause(report),
    Effect.provideService(LogLevelFlag, { value: logLevel.value }),
    Effect.provide(Layer.merge(BunContext.layer, CliConfig.layer({ showBuiltIns: false }))),
    BunRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true }),
  )
}
