/**
 * The live wall in a terminal: who trains, at what heart rate, in which zone, and how current that is.
 *
 *   bun examples/live-wall-terminal/main.ts [--url http://127.0.0.1:8080] [--class main] [--seconds 60]
 *
 * It runs until Ctrl-C, or for so many seconds. Start a server with a demo class first: `npm start`. Kill the server
 * while it runs and start it again: the wall says so, and is live again by itself.
 */
import { parseArgs } from "node:util"
import { type ClassView, createClient, type Tile } from "@paceline/client-sdk"

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: process.env["PACELINE_URL"] ?? "http://127.0.0.1:8080" },
    class: { type: "string", default: "main" },
    seconds: { type: "string", default: process.stdin.isTTY ? "0" : "5" },
  },
})

/** One colour a zone, as on the wall: grey, blue, cyan, green, yellow, red. */
const COLOURS = [90, 34, 36, 32, 33, 31]

const reading = ({ contact, heartRateVisible, heartRateBpm, percentOfMax, zone }: Tile): string => {
  if (contact === "finished") return "finished"
  if (contact === "lost") return "no signal"
  if (!heartRateVisible) return "private"
  if (heartRateBpm === null || zone === null) return "waiting"
  const bars = "▮".repeat(zone) + "▯".repeat(5 - zone)
  const text = `${String(heartRateBpm).padStart(3)} bpm  ${String(percentOfMax).padStart(3)} %  zone ${zone}  ${bars}`
  return `\x1b[${COLOURS[zone]}m${text}\x1b[0m${contact === "stale" ? "  (some seconds old)" : ""}`
}

const STATES = {
  connecting: "connecting",
  "catching-up": "catching up",
  live: "live",
  lost: "lost contact, trying again",
} as const

const wallOf = ({ state, tiles, leaderboard, problem }: ClassView): string => {
  const [first] = leaderboard
  return [
    `${options.class}: ${STATES[state]}, ${tiles.length} athletes`,
    ...(problem === null ? [] : [problem.message]),
    "",
    ...tiles.map(
      (tile) => `${tile.alias.padEnd(24)} ${String(tile.effortPoints).padStart(4)} points  ${reading(tile)}`,
    ),
    ...(first === undefined ? [] : ["", `First on the leaderboard: ${first.alias} with ${first.points} points`]),
  ].join("\n")
}

const client = createClient({ url: options.url })

let wall = ""
let wasLive = false
client.classes(options.class).watch((view) => {
  wall = wallOf(view)
  wasLive ||= view.state === "live"
})

// A terminal is drawn twice a second: readings may come faster than anyone reads. Anything else gets it once, at the end.
const redraw = process.stdout.isTTY ? setInterval(() => process.stdout.write(`\x1b[H\x1b[2J${wall}\n`), 500) : undefined

const end = (): void => {
  clearInterval(redraw)
  clearTimeout(timer)
  client.close()
  console.log(wall)
  if (!wasLive) process.exitCode = 1
}

const seconds = Number(options.seconds)
const timer = seconds > 0 ? setTimeout(end, seconds * 1000) : undefined
process.once("SIGINT", end)
