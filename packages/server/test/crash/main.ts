/**
 * The crash harness: `bun packages/server/test/crash/main.ts [--seed N] [--kills N] [--cuts N] [--full N] [--nodes N]
 * [--bridge-kills N] [--bridge-cuts N] [--bridge-restores N]`.
 *
 * Real processes are killed, stopped and cut off, again and again; what they left is held to the invariants. The same
 * seed makes the same choices; when a process is where is the machine's. Ends with 1 if anything was lost, doubled or
 * out of order.
 */
import { parseArgs } from "node:util"
import { Effect, Random } from "effect"
import { startPostgres } from "../PostgresServer.ts"
import { bridgeKills } from "./bridge/BridgeKills.ts"
import { bridgePowerCuts } from "./bridge/BridgePowerCuts.ts"
import { bridgeRestores } from "./bridge/BridgeRestores.ts"
import { fullDisks, kills, type Outcome, powerCuts, twoNodes } from "./Rounds.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    kills: { type: "string", default: "200" },
    cuts: { type: "string", default: "1000" },
    full: { type: "string", default: "4" },
    nodes: { type: "string", default: "12" },
    "bridge-kills": { type: "string", default: "200" },
    "bridge-cuts": { type: "string", default: "1000" },
    "bridge-restores": { type: "string", default: "3" },
  },
})

const count = (name: keyof typeof values): number => {
  const number = Number(values[name])
  if (Number.isInteger(number) && number >= 0) return number
  console.error(`--${name} must be a whole number from 0, not "${values[name]}"`)
  process.exit(2)
}

const run = <E>(title: string, rounds: Effect.Effect<Outcome, E>) =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    const outcome = yield* Effect.withRandom(rounds, Random.make(`${values.seed}/${title}`))
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const verdict = outcome.problems.length === 0 ? "ok  " : "FAIL"
    console.log(`${verdict} ${title}: ${outcome.rounds} rounds, ${outcome.acknowledged} acknowledged (${seconds} s)`)
    for (const problem of outcome.problems) console.log(`     ${problem}`)
    return outcome
  })

const main = Effect.gen(function* () {
  console.log(`seed ${values.seed}`)
  const database = yield* Effect.acquireRelease(
    Effect.promise(() => startPostgres()),
    (running) => Effect.promise(() => running.stop()),
  )
  return yield* Effect.all([
    run("killed, on SQLite", kills(count("kills"))),
    run("power cut, on SQLite", powerCuts(count("cuts"))),
    run("disk full, on SQLite", fullDisks(count("full"))),
    run(
      "two nodes, one killed or stopped, on PostgreSQL",
      twoNodes(
        count("nodes"),
        Effect.promise(() => database.database()),
      ),
    ),
    run("bridges and their server killed", bridgeKills(count("bridge-kills"))),
    run("buffers and servers restored from old backups", bridgeRestores(count("bridge-restores"))),
    run("power cut under a bridge, durability full", bridgePowerCuts(count("bridge-cuts"), "full")),
    run("power cut under a bridge, durability normal", bridgePowerCuts(Math.ceil(count("bridge-cuts") / 10), "normal")),
  ])
}).pipe(Effect.scoped)

const outcomes = await Effect.runPromise(main)
const problems = outcomes.reduce((sum, outcome) => sum + outcome.problems.length, 0)
const rounds = outcomes.reduce((sum, outcome) => sum + outcome.rounds, 0)
console.log(`${rounds} rounds, ${problems} problems`)
// Said aloud: the package that brings PostgreSQL ends the process with 0 when nobody does.
process.exit(problems === 0 ? 0 : 1)
