/**
 * What `--help` says: for each command what it is for, its flags with their defaults, and lines to copy.
 *
 * Written by hand, because it is read by people; a test holds it to the flags that the commands really take.
 */
import { VERSION } from "../observability/Version.ts"
import * as HelpAthletes from "./HelpAthletes.ts"
import * as HelpOperations from "./HelpOperations.ts"
import { everySetting, json, local, type Page } from "./HelpPage.ts"
import { table } from "./Table.ts"

/** The commands by their words, in the order they are shown. */
export const pages: Readonly<Record<string, Page>> = {
  serve: {
    usage: "serve [flags]",
    about: `Runs a server: the live wall, the API and the doors for bridges, with all its data in one folder.

A setting is taken from its flag, else from the environment (PACELINE_PORT, PACELINE_DATA, …), else from
paceline.toml in the working directory (port = 9000), else it is the default. "paceline config" shows them all.`,
    flags: [
      ["--demo", "With a class of made-up athletes that train."],
      ["--demo-file X.fit", "With a demo class that plays this FIT activity; repeat it for more."],
      ...everySetting,
    ],
    examples: [
      "paceline serve --demo",
      "paceline serve --host 0.0.0.0 --port 80 --data /var/lib/paceline",
      "PACELINE_PORT=9000 paceline serve",
    ],
  },
  bridge: {
    usage: "bridge --url URL --device ID [flags]",
    about: `Runs a bridge: it buffers the samples of many sensors on disk and delivers each to a server exactly once. It plays
made-up athletes or FIT files; "import" brings recorded activities in, "verify" tries to make a bridge lose something.
The flags of each: "paceline bridge --help", "paceline bridge import --help", "paceline bridge verify --help".`,
    flags: [],
    examples: [
      "PACELINE_DEVICE_KEY=pl_… paceline bridge --url ws://127.0.0.1:8080 --device bridge-… --athletes 1",
      "PACELINE_DEVICE_KEY=pl_… paceline bridge import export.zip --url ws://127.0.0.1:8080 --device bridge-…",
      "paceline bridge verify --report report.html",
    ],
  },
  "device add": {
    usage: "device add NAME [flags]",
    about: "Registers a bridge with the server that runs on the data folder, and shows its key this once.",
    flags: local,
    examples: [`paceline device add "Studio 1"`],
  },
  "device list": {
    usage: "device list [flags]",
    about: "Lists the bridges: whether they are connected, and what they delivered.",
    flags: local,
    examples: ["paceline device list"],
  },
  "device pair": {
    usage: "device pair DEVICE SENSOR ATHLETE [flags]",
    about: "Says who wears a sensor of a bridge, and in which class. From then on its heart rate is theirs.",
    flags: [
      ["--class ID", "The class they train in. Default: main."],
      ["--source WHAT", "What it is: strap, sensor, machine, watch, phone, file. Default: read from its name."],
      ...local,
    ],
    examples: ["paceline device pair bridge-4t7w0z9k2mqe strap-01 athlete-9c1hm3v8x2rd --class spin-18h"],
  },
  ...HelpAthletes.pages,
  series: {
    usage: "series ATHLETE [flags]",
    about: `Prints what was measured of an athlete. Without --kind the list of what there is; with it the samples of a time, by the
second, the minute, five minutes or the hour (UTC), or each with where it came from. What is missing is said too.`,
    flags: [
      ["--kind KIND", "What was measured, such as heartRate, power, or custom:NAME."],
      [
        "--from TIME",
        "The first instant, such as 2026-11-20T18:00Z; without a zone it is UTC. Default: a day before --to.",
      ],
      ["--to TIME", "Up to this instant. Default: now."],
      ["--resolution R", "raw, 1s, 1min, 5min or 1h. Default: 1min."],
      ["--best", "One series, each minute of the best source, instead of one for each sensor."],
      ["--csv", "Print CSV, for a spreadsheet."],
      ...local,
    ],
    examples: [
      "paceline series athlete-9c1hm3v8x2rd",
      "paceline series athlete-9c1hm3v8x2rd --kind heartRate --from 2026-11-20 --resolution 5min",
      "paceline series athlete-9c1hm3v8x2rd --kind power --from 2026-11-20T18:00Z --resolution raw --csv > power.csv",
    ],
  },
  ...HelpOperations.pages,
  rehearse: {
    usage: "rehearse [flags]",
    about: `Rehearses the worst evening of a gym with real processes on this machine: the network is away for a third of the
time, the bridge is killed twice and the server once. Then every sample that the bridge accepted is compared with
what the server stored, and every point is computed again. Exit code 0 only when nothing is lost, nothing doubled
and every point right. Needs no server, touches no data, and removes what it made.`,
    flags: [
      ["--athletes N", "How many athletes train, each with a strap. Default: 12."],
      ["--seconds S", "How long they train, in real seconds, from 6 to 3600. Default: 20."],
      ["--speed K", "The straps play K times as fast as real time, up to 100. Default: 10."],
      ["--file X.fit", "A FIT activity to play; repeat it for more. Without one, athletes are made up."],
      ["--seed N", "Decides who trains, and when what breaks. Default: 1."],
      ["--bridge-runtime R", "What the bridge runs on: bun, or node (in the repository, once built). Default: bun."],
      ["--keep FOLDER", "Keep data and logs in this folder, which must be empty."],
      ["--json", "Print the figures as one JSON object; progress and table go to standard error."],
    ],
    examples: [
      "paceline rehearse --athletes 40 --seconds 60",
      "paceline rehearse --file morning-ride.fit --file evening-ride.fit",
      "paceline rehearse --json > report.json",
    ],
  },
  config: {
    usage: "config [flags]",
    about: "Prints each setting, its value, and where that came from: flag, environment, file or default.",
    flags: [json, ...everySetting],
    examples: ["paceline config", "paceline config --json --config gym.toml"],
  },
  version: { usage: "version", about: "Prints the version.", flags: [], examples: [] },
}

/** One line of each, for the overview. */
const summaries: ReadonlyArray<readonly [command: string, what: string]> = [
  ["serve", "run a server: live wall, API, doors for bridges"],
  ["bridge", "run a bridge: buffer sensors, import files, deliver each sample once; verify one"],
  ["device", "add, list and pair bridges of the server that runs here"],
  ["athlete", "add, list, export and erase its athletes, and merge what they recorded twice"],
  ["series", "print what was measured of an athlete, by time and resolution"],
  ["log", "read its event log, and see and move those who follow it"],
  ["dead-letters", "list, replay and drop what they could not handle"],
  ["backup", "copy all its data to one file, while it runs"],
  ["rehearse", "kill and cut everything, then compare every sample"],
  ["config", "show each setting and where it came from"],
  ["version", "print the version"],
]

const indent = (text: string): string => text.replace(/^(?=.)/gm, "  ")

const section = (title: string, body: string): string => (body === "" ? "" : `\n${title}\n${indent(body)}\n`)

const pageText = ({ about, examples, flags, usage }: Page): string =>
  `paceline ${usage}\n\n${about}\n${section("Flags", table(flags))}${section("Examples", examples.join("\n"))}`

const overview = (): string =>
  [
    `Paceline ${VERSION}: the self-hosted engine for training together.`,
    section("Commands", table(summaries)).trimEnd(),
    section(
      "Examples",
      ["paceline serve --demo", "paceline serve --host 0.0.0.0", `paceline device add "Studio 1"`].join("\n"),
    ),
    `"paceline COMMAND --help" says more about one. Shell completions: paceline --completions bash.`,
  ].join("\n")

/** The help for the command named by these words; the overview for none. */
export const of = (words: ReadonlyArray<string>): string => {
  const [first = "", second = ""] = words
  const page = pages[`${first} ${second}`] ?? pages[first]
  if (page !== undefined) return pageText(page)
  const group = Object.entries(pages).filter(([name]) => name.startsWith(`${first} `))
  return group.length === 0 || first === "" ? overview() : group.map(([, each]) => pageText(each)).join("\n")
}
