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
import { Effect, Exit, Option, Schema } from "effect"
import * as Progress from "./Progress.ts"
import * as Rehearsal from "./Rehearsal.ts"
import * as Report from "./Report.ts"
import { MIN_SECONDS } from "./Schedule.ts"
import * as Source from "./Source.ts"

const options = {
  athletes: Options.integer("athletes").pipe(
    Options.withSchema(Schema.Int.pipe(Schema.between(1, 500))),
    Options.withDescription("How many athletes train, each with a strap."),
    Options.withDefault(12),
  ),
  seconds: Options.integer("seconds").pipe(
    Options.withSchema(Schema.Int.pipe(Schema.between(MIN_SECONDS, 3600))),
    Options.withDescription(`How long the class trains, in real seconds, at least ${MIN_SECONDS}.`),
    Options.withDefault(20),
  ),
  speed: Options.integer("speed").pipe(
    Options.withSchema(Schema.Int.pipe(Schema.between(1, 100))),
    Options.withDescription("How many times as fast as real time the straps play."),
    Options.withDefault(10),
  ),
  files: Options.file("file").pipe(
    Options.withDescription("A FIT activity to play; repeat it for more. Without one, athletes are made up."),
    Options.repeated,
  ),
  seed: Options.integer("seed").pipe(
    Options.withSchema(Schema.NonNegativeInt),
    Options.withDescription("Decides who trains, and when what breaks. The same seed breaks the same."),
    Options.withDefault(1),
  ),
  bridgeRuntime: Options.choice("bridge-runtime", ["bun", "node"]).pipe(
    Options.withDescription("What the bridge runs on. Node only in the repository, after build:packages."),
    Options.withDefault("bun"),
  ),
  keep: Options.directory("keep", { exists: "either" }).pipe(
    Options.withDescription("Keep data and logs in this folder, which must be empty."),
    Options.optional,
  ),
  json: Options.boolean("json").pipe(
    Options.withDescription("Print the figures as one JSON object; progress and table go to standard error."),
  ),
}

const description = HelpDoc.p(
  "Rehearses the worst evening of a gym: server, bridge and athletes as real processes on this machine, the network " +
    "away for a third of the time, the bridge killed twice and the server once. Then every sample that the bridge " +
    "accepted is compared with what the server stored, and every point is computed again.",
)

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
).pipe(Command.withDescription(description))

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
