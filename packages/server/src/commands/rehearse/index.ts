/**
 * `paceline rehearse`: the whole line with real processes on loopback, while the network is cut and processes
 * are killed, and in the end every sample and every point compared. Exit code 0 only when nothing is lost,
 * nothing doubled, and every point right.
 *
 * @example
 * paceline rehearse --athletes 40 --seconds 60
 * paceline rehearse --file morning-ride.fit --json
 */
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import { Effect, Exit, Option } from "effect"
import * as Progress from "./Progress.ts"
import * as Rehearsal from "./Rehearsal.ts"
import * as Report from "./Report.ts"
import { MIN_SECONDS } from "./Schedule.ts"
import * as Source from "./Source.ts"

/** A whole number within bounds, with a sentence for every other. */
const whole = (name: string, least: number, most: number, initial: number): Options.Options<number> =>
  Options.integer(name).pipe(
    Options.mapEffect((value) =>
      value >= least && value <= most
        ? Effect.succeed(value)
        : Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${name} is from ${least} to ${most}, not ${value}.`))),
    ),
    Options.withDefault(initial),
  )

/** `Help.ts` says what each is for. */
const options = {
  athletes: whole("athletes", 1, 500, 12),
  seconds: whole("seconds", MIN_SECONDS, 3600, 20),
  speed: whole("speed", 1, 100, 10),
  files: Options.text("file").pipe(Options.repeated),
  seed: whole("seed", 0, 0xffffffff, 1),
  bridgeRuntime: Options.choice("bridge-runtime", ["bun", "node"]).pipe(Options.withDefault("bun")),
  keep: Options.text("keep").pipe(Options.optional),
  json: Options.boolean("json"),
}

export const rehearse = Command.make("rehearse", options, (given) =>
  Effect.gen(function* () {
    const source = yield* Source.load(given)
    const progress = Progress.to(process.stderr)
    const report = yield* Rehearsal.run({ ...given, source, keep: Option.getOrNull(given.keep) }, progress).pipe(
      Effect.scoped,
      Effect.onExit((exit) => Effect.sync(() => progress.end(Exit.isSuccess(exit)))),
    )
    show(report, given.json)
    if (!Report.passed(report)) process.exitCode = 1
  }).pipe(
    Effect.catchAll(({ message }) =>
      Effect.sync(() => {
        process.stderr.write(`\n${message}\n`)
        process.exitCode = 1
      }),
    ),
    // The runtime ends an interrupted program with 0; a rehearsal that was not carried through has shown nothing.
    Effect.onInterrupt(() => Effect.sync(() => process.exit(INTERRUPTED))),
  ),
)

/** As shells have it: 128 and the number of SIGINT. */
const INTERRUPTED = 130

const show = (report: Report.Report, json: boolean): void => {
  const findings = report.findings.map((finding) => `  ${finding}\n`).join("")
  const text = `\n${Report.table(report)}\n\n${findings}${Report.verdict(report)}\n`
  if (json) {
    process.stderr.write(text)
    process.stdout.write(`${Report.json(report)}\n`)
  } else process.stdout.write(text)
}
