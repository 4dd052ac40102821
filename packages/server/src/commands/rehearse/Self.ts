/**
 * How this program starts itself again: as `paceline serve` or `paceline bridge`, in a process of its own.
 *
 * The compiled binary is its own program; in the repository it is the running Bun with `main.ts`. There the
 * bridge can also run on Node, as it does on a gateway: from the package that `npm run build:packages` built.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { RehearsalFailed } from "./Failure.ts"

export type Command = readonly [program: string, ...args: ReadonlyArray<string>]

/** The command line that stands before `serve` or `bridge`. */
export const self: Command = Bun.isStandaloneExecutable
  ? [process.execPath]
  : [process.execPath, fileURLToPath(new URL("../../main.ts", import.meta.url))]

export type BridgeRuntime = "bun" | "node"

/** The command line of a bridge, before its flags. Fails when there is nothing to run on Node. */
export const bridge = (runtime: BridgeRuntime): Effect.Effect<Command, RehearsalFailed> =>
  runtime === "bun" ? Effect.succeed([...self, "bridge"]) : bridgeOnNode

const bridgeOnNode: Effect.Effect<Command, RehearsalFailed> = Effect.gen(function* () {
  const fail = (message: string) => new RehearsalFailed({ message })
  if (Bun.isStandaloneExecutable) {
    return yield* fail("The bridge runs on Node only from the repository; this is the compiled program.")
  }
  const root = fileURLToPath(new URL("../../../../..", import.meta.url))
  const main = join(root, "packages", "device-bridge", "dist", "main.js")
  if (!existsSync(main)) {
    return yield* fail(`There is no ${main}: build the bridge for Node first, with "npm run build:packages".`)
  }
  const pinned = join(root, "node_modules", ".bin", "node")
  const program = existsSync(pinned) ? pinned : "node"
  const version = yield* Effect.try({
    try: () => Bun.spawnSync([program, "--version"]).stdout.toString().trim(),
    catch: () => fail("There is no Node on this machine."),
  })
  if (Number(/^v(\d+)/.exec(version)?.[1] ?? 0) < 22) {
    return yield* fail(`The bridge needs Node 22 or newer; ${program} is ${version || "none"}.`)
  }
  return [program, main]
})
