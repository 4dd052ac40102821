/**
 * The admin key of a server, kept in a file that only its owner may read.
 *
 * The first start writes it; whoever runs commands on the same machine uses it. Delete the file and start the server
 * again to get a new key: the old one is worth nothing from then on.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect, Option } from "effect"
import { Keys } from "./Service.ts"

/** Makes sure that `path` holds an admin key that this server knows. */
export const ensure = Effect.fn("AdminKeyFile.ensure")(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const keys = yield* Keys
  const present = yield* Effect.option(files.readFileString(path))
  const actor = yield* Option.match(present, {
    onNone: () => Effect.succeedNone,
    onSome: (text) =>
      keys.resolve(text.trim()).pipe(
        Effect.asSome,
        Effect.catchTag("Unauthorized", () => Effect.succeedNone),
      ),
  })
  if (Option.isSome(actor) && actor.value._tag === "Admin") return
  const key = yield* keys.replaceAdminKey()
  const unfinished = `${path}.new`
  yield* files.remove(unfinished, { force: true })
  yield* files.writeFileString(unfinished, `${key}\n`, { mode: 0o600, flag: "wx" })
  yield* files.rename(unfinished, path)
  yield* Effect.logInfo("A new admin key was written.").pipe(Effect.annotateLogs({ file: path }))
})
