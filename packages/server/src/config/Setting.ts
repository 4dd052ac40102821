/**
 * One setting: its names, what values it takes, and where its value came from.
 *
 * A value is looked for in the flag, then in the environment, then in the file; the first that is there counts, and
 * must be valid. Everything arrives as text and is decoded by the setting's schema.
 */
import { Either, Schema } from "effect"
import * as Networks from "./Networks.ts"

export interface Setting<A> {
  /** The flag without `--`, and the key in the file. */
  readonly name: string
  /** The environment variable. */
  readonly env: string
  readonly description: string
  readonly schema: Schema.Schema<A, string>
  readonly default: A
}

export const setting = <A>(
  name: string,
  description: string,
  schema: Schema.Schema<A, string>,
  initial: NoInfer<A>,
): Setting<A> => ({
  name,
  env: `PACELINE_${name.toUpperCase().replaceAll("-", "_")}`,
  description,
  schema,
  default: initial,
})

/** Says what is expected, whatever exactly is wrong. */
const expecting = <A>(schema: Schema.Schema<A, string>, what: string): Schema.Schema<A, string> =>
  schema.annotations({ message: () => ({ message: what, override: true }) })

export const text: Schema.Schema<string> = expecting(Schema.NonEmptyString, "some text")

export const wholeNumber = (min: number, max: number): Schema.Schema<number, string> =>
  expecting(
    Schema.NumberFromString.pipe(Schema.int(), Schema.between(min, max)),
    `a whole number from ${min} to ${max}`,
  )

export const oneOf = <const L extends readonly [string, ...ReadonlyArray<string>]>(
  ...choices: L
): Schema.Schema<L[number], string> => expecting(Schema.Literal(...choices), `one of ${choices.join(", ")}`)

/** Addresses and networks by commas. It stays text; `Networks.parseList` reads it. */
export const networks: Schema.Schema<string> = expecting(
  Schema.String.pipe(Schema.filter((text) => Networks.parseList(text) !== null)),
  "a list of addresses and networks, such as 127.0.0.1,10.0.0.0/8",
)

/** A time of day, such as 03:30. It stays text. */
export const timeOfDay: Schema.Schema<string> = expecting(
  Schema.String.pipe(Schema.pattern(/^([01]\d|2[0-3]):[0-5]\d$/)),
  "a time of day from 00:00 to 23:59",
)

export type Source =
  | { readonly _tag: "Default" }
  | { readonly _tag: "Flag"; readonly flag: string }
  | { readonly _tag: "Environment"; readonly variable: string }
  | { readonly _tag: "File"; readonly path: string }

export const describeSource = (source: Source): string => {
  switch (source._tag) {
    case "Default":
      return "default"
    case "Flag":
      return `flag --${source.flag}`
    case "Environment":
      return `environment variable ${source.variable}`
    case "File":
      return `file ${source.path}`
  }
}

/** A value is given, and is not one. */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>("paceline/InvalidSetting")("InvalidSetting", {
  setting: Schema.String,
  source: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `The setting "${this.setting}" (${this.source}): ${this.problem}.`
  }
}

export interface Resolved<A> {
  readonly setting: Setting<A>
  readonly value: A
  readonly source: Source
}

/** Where settings are looked for. */
export interface Sources {
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly file: { readonly path: string; readonly values: Readonly<Record<string, string>> } | null
}

const find = <A>(setting: Setting<A>, sources: Sources): { readonly text: string; readonly source: Source } | null => {
  const flag = sources.flags[setting.name]
  if (flag !== undefined) return { text: flag, source: { _tag: "Flag", flag: setting.name } }
  const variable = sources.environment[setting.env]
  if (variable !== undefined) return { text: variable, source: { _tag: "Environment", variable: setting.env } }
  const value = sources.file?.values[setting.name]
  if (sources.file === null || value === undefined) return null
  return { text: value, source: { _tag: "File", path: sources.file.path } }
}

export const resolve = <A>(setting: Setting<A>, sources: Sources): Either.Either<Resolved<A>, InvalidSetting> => {
  const found = find(setting, sources)
  if (found === null) return Either.right({ setting, value: setting.default, source: { _tag: "Default" } })
  return Schema.decodeEither(setting.schema)(found.text).pipe(
    Either.map((value) => ({ setting, value, source: found.source })),
    Either.mapLeft(
      ({ message }) =>
        new InvalidSetting({
          setting: setting.name,
          source: describeSource(found.source),
          problem: `"${found.text}" is not ${message}`,
        }),
    ),
  )
}
