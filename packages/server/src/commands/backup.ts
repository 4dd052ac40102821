/**
 * `paceline backup`: all data, as it is at one moment, in one file.
 *
 * It reads the database itself, beside the server if one runs, so the copy belongs to whoever asks for it, lies where
 * they say, and needs no server.
 */
import { existsSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { Console, Duration, Effect, Schema } from "effect"
import * as Backup from "../adapters/sqlite/Backup.ts"
import { FILE } from "../adapters/sqlite/SqliteStore.ts"
import type { ResolvedSettings } from "../config/Settings.ts"
import { nameAt } from "./BackupFiles.ts"
import { bytesText } from "./Text.ts"

/** There is nothing to copy. */
class NoData extends Schema.TaggedError<NoData>("paceline/NoData")("NoData", { folder: Schema.String }) {
  override get message(): string {
    return `There is no data in ${this.folder}. Name the server's data folder with --data.`
  }
}

export interface BackupOptions {
  /** A new file, or a folder that is there. */
  readonly to: string
  readonly json: boolean
}

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory()

export const backup = (settings: ResolvedSettings, { json, to }: BackupOptions) =>
  Effect.gen(function* () {
    const folder = resolve(settings.data.value)
    const from = join(folder, FILE)
    if (!existsSync(from)) return yield* new NoData({ folder })
    const target = resolve(to)
    const file = isFolder(target) ? join(target, nameAt(Date.now())) : target
    const [took] = yield* Effect.timed(Backup.backup(from, file))
    const bytes = statSync(file).size
    const millis = Math.round(Duration.toMillis(took))
    if (json) return yield* Console.log(JSON.stringify({ file, bytes, millis }))
    yield* Console.log(
      `${file} (${bytesText(bytes)}, ${(millis / 1000).toFixed(1)} s)\n\nTo restore it: put it into an empty folder as ${FILE}, and run paceline serve --data THAT-FOLDER.`,
    )
  })
