/**
 * The file with settings: TOML, one key a setting. `paceline.toml` in the working directory is read when it is
 * there; another can be named, and must be.
 *
 * @example
 * port = 80
 * data = "/var/lib/paceline"
 * contact-lost-seconds = 20
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { Effect, Schema } from "effect"
import type { Sources } from "./Setting.ts"

const DEFAULT_FILE = "paceline.toml"

/** The file cannot be used. */
export class InvalidSettingsFile extends Schema.TaggedError<InvalidSettingsFile>("paceline/InvalidSettingsFile")(
  "InvalidSettingsFile",
  { path: Schema.String, problem: Schema.String },
) {
  override get message(): string {
    return `The settings file ${this.path}: ${this.problem}.`
  }
}

const readText = (path: string, named: boolean): string | null => {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined
    if (!named && code === "ENOENT") return null
    throw new Error(code === "ENOENT" ? "there is no such file" : "it cannot be read", { cause })
  }
}

const readValues = (text: string, known: ReadonlyArray<string>): Record<string, string> => {
  const parsed: unknown = Bun.TOML.parse(text)
  const values: Record<string, string> = {}
  for (const [key, value] of Object.entries(Schema.decodeUnknownSync(Table)(parsed))) {
    if (!known.includes(key)) throw new Error(`there is no setting "${key}". There are: ${known.join(", ")}`)
    if (typeof value === "object") throw new Error(`the setting "${key}" is one value, such as 5 or "text"`)
    values[key] = String(value)
  }
  return values
}

const Table = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** Reads the file at `path`; without one, the default file, if it is there. */
export const read = (
  path: string | undefined,
  known: ReadonlyArray<string>,
): Effect.Effect<Sources["file"], InvalidSettingsFile> => {
  const absolute = resolve(path ?? DEFAULT_FILE)
  return Effect.try({
    try: () => {
      const text = readText(absolute, path !== undefined)
      return text === null ? null : { path: absolute, values: readValues(text, known) }
    },
    catch: (cause) =>
      new InvalidSettingsFile({
        path: absolute,
        problem: (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, ""),
      }),
  })
}
