/** The help for what is done to a running server: its log, its dead letters, its backups. */

import * as Settings from "../config/Settings.ts"
import { config, type Flag, json, local, type Page, settingFlag } from "./HelpPage.ts"

const place = "start, end, an offset (1200), a time (2026-11-20T18:00), or how long ago (30s, 15m, 2h, 7d)"
const yes: Flag = ["--yes", "Do it, and do not only say what would be done."]

const letters: ReadonlyArray<Flag> = [
  ["--group GROUP", "Only of this consumer group."],
  ["--topic TOPIC", "Only of this topic."],
]

export const pages: Readonly<Record<string, Page>> = {
  "log tail": {
    usage: "log tail TOPIC [flags]",
    about: `Prints records of a topic of the event log: when it was appended, partition:offset, key and payload. Without --from
the newest ones. "paceline log tail" with a topic that does not exist names those that do.`,
    flags: [
      ["--key KEY", "Only records of this key, such as an athlete's id."],
      ["--from PLACE", `Begin there: ${place}.`],
      ["--limit N", "At most so many. Default: 10 without --from, else all."],
      ["--follow", "Go on with what is appended, until Ctrl+C."],
      ...local,
    ],
    examples: [
      "paceline log tail training",
      "paceline log tail telemetry --key athlete-9c1hm3v8x2rd --from 15m",
      "paceline log tail telemetry --from end --follow --json",
    ],
  },
  "log groups": {
    usage: "log groups [flags]",
    about: `Lists the consumer groups: where each stands in each partition of its topics, what it has parked to try again, and
what it gave up. COMMITTED is the next offset it reads, START and END are what the log holds, LAG is what it has yet
to read. A group is "stalled" when it has records to read and does not get on with them.`,
    flags: local,
    examples: ["paceline log groups"],
  },
  "log lag": {
    usage: "log lag [flags]",
    about: `Shows how far each consumer group is: of all records ever appended, those done, failed and waiting. On a terminal with
a bar for each; else a line for each, for grep.`,
    flags: [["--watch", "Again every second, until Ctrl+C."], ...local],
    examples: ["paceline log lag", "paceline log lag --watch"],
  },
  "log seek": {
    usage: "log seek GROUP TOPIC --to PLACE [flags]",
    about: `Moves a consumer group back or forward. Records that it passes again are handled again, so their effects may happen
twice; records that it passes over are never handled. Without --yes it only says what would be done.`,
    flags: [
      ["--to PLACE", `Where it goes on: ${place}.`],
      ["--partition N", "Only in this partition. Needed with an offset where the topic has several."],
      yes,
      ...local,
    ],
    examples: [
      "paceline log seek gamification training --to 2h",
      "paceline log seek gamification training --to start --yes",
    ],
  },
  "log forget": {
    usage: "log forget GROUP TOPIC [flags]",
    about: `Forgets a consumer group that nobody runs any more. As long as it is known, the log keeps for it what it has not read,
and it counts as stalled. Without --yes it only says what would be done.`,
    flags: [yes, ...local],
    examples: ["paceline log forget old-points training --yes"],
  },
  "dead-letters list": {
    usage: "dead-letters list [flags]",
    about: `Lists the records that consumer groups could not handle and gave up, with the error of each. They are kept until somebody
replays or drops them.`,
    flags: [...letters, ["--limit N", "At most so many. Default: 100."], ...local],
    examples: ["paceline dead-letters list", "paceline dead-letters list --group gamification --json"],
  },
  "dead-letters show": {
    usage: "dead-letters show ID [flags]",
    about: "Shows all that is known of one: its record, its error, and when and how often it failed.",
    flags: [...letters, ...local],
    examples: ["paceline dead-letters show 00000-0000000000000042"],
  },
  "dead-letters replay": {
    usage: "dead-letters replay ID | --all [flags]",
    about: `Gives the record back to the group that failed, and to no other, to be handled in its key's order. Do this when what was
wrong is mended. One that fails again comes back as the same dead letter.`,
    flags: [["--all", "All there are now, or all that --group and --topic name."], ...letters, ...local],
    examples: [
      "paceline dead-letters replay 00000-0000000000000042",
      "paceline dead-letters replay --all --group gamification",
    ],
  },
  "dead-letters drop": {
    usage: "dead-letters drop ID | --all [flags]",
    about: "Gives it up for good. The record stays counted as failed. Without --yes it only says what would be done.",
    flags: [["--all", "All there are now, or all that --group and --topic name."], yes, ...letters, ...local],
    examples: ["paceline dead-letters drop 00000-0000000000000042 --yes"],
  },
  backup: {
    usage: "backup TO [flags]",
    about: `Copies all data, as it is at one moment, to the file TO, whether the server runs or not. Where TO is a folder, the file
is named after the time. To restore one, put it into an empty folder as paceline.db and start a server on that folder.
A server makes backups by itself every day when it is told a --backup-folder.`,
    flags: [json, settingFlag(Settings.all.data), config],
    examples: ["paceline backup /media/stick/", "paceline backup gym.db --data /var/lib/paceline"],
  },
}
