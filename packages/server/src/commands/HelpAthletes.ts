/** The help for what is done about athletes: adding them, what they trained, and their data. */
import { local, type Page } from "./HelpPage.ts"

export const pages: Readonly<Record<string, Page>> = {
  "athlete add": {
    usage: "athlete add ALIAS [flags]",
    about: "Adds an athlete, and shows the link to their own page this once.",
    flags: [
      ["--max-heart-rate BPM", "Their greatest heart rate, which zones are measured against. Default: 190."],
      ["--hidden", "Do not show their heart rate to others."],
      ...local,
    ],
    examples: ["paceline athlete add Mara --max-heart-rate 188"],
  },
  "athlete list": {
    usage: "athlete list [flags]",
    about: "Lists the athletes.",
    flags: local,
    examples: ["paceline athlete list --json"],
  },
  "athlete merges": {
    usage: "athlete merges ATHLETE [flags]",
    about: `Lists the activities that several sources recorded, such as strap, watch and file. Each counts once: the best source,
its gaps filled by the others.`,
    flags: local,
    examples: ["paceline athlete merges athlete-9c1hm3v8x2rd"],
  },
  "athlete merge": {
    usage: "athlete merge ATHLETE SESSION SESSION… [flags]",
    about:
      "Says that recordings are one activity, whatever was recognised. A merge's own id stands for all that it has.",
    flags: local,
    examples: ["paceline athlete merge athlete-9c1hm3v8x2rd session-2h8k session-7p3q"],
  },
  "athlete part": {
    usage: "athlete part ATHLETE MERGE [flags]",
    about: "Takes a merge apart. Its recordings count each by itself again, and are not merged again by themselves.",
    flags: local,
    examples: ["paceline athlete part athlete-9c1hm3v8x2rd merge-0f3b5a"],
  },
  "athlete export": {
    usage: "athlete export ATHLETE --to FILE [flags]",
    about: `Writes all that the server keeps of an athlete to FILE, one JSON record a line: profile, pairings, sessions, points and
every sample. An athlete can do the same with their own key; docs/privacy.md tells how, and what the records are.`,
    flags: [
      ["--to FILE", "The file to write. One that is there is replaced when the export has come whole."],
      ...local,
    ],
    examples: ["paceline athlete export athlete-9c1hm3v8x2rd --to mara.ndjson"],
  },
  "athlete erase": {
    usage: "athlete erase ATHLETE [flags]",
    about: `Erases an athlete and all that is kept of them, from the database, the event log and the disk. Without --yes it only says
what would be done. It cannot be undone; backups that were made before keep what they have.`,
    flags: [["--yes", "Do it, and do not only say what would be done."], ...local],
    examples: ["paceline athlete erase athlete-9c1hm3v8x2rd --yes"],
  },
}
