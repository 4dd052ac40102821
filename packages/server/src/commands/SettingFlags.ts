/** The settings as flags of a command, and the settings that come out of them. */
import * as Options from "@effect/cli/Options"
import { Effect, FiberRef, LogLevel, Option } from "effect"
import * as Settings from "../config/Settings.ts"

/**
 * `--log-level` is a flag that the command line itself understands, on every command: it arrives as the fiber's
 * level. This one stands for "no flag": equal to Info, but not the same object.
 */
export const NO_LOG_LEVEL: LogLevel.LogLevel = { ...LogLevel.Info }

const flagOf = ({ name, default: initial, description }: (typeof Settings.all)[keyof typeof Settings.all]) =>
  Options.text(name).pipe(Options.withDescription(`${description} Default: ${initial}.`), Options.optional)

export const file = Options.text("config").pipe(
  Options.withDescription("Read settings from this TOML file instead of paceline.toml."),
  Options.optional,
)

export const data = flagOf(Settings.all.data)

export const all = {
  host: flagOf(Settings.all.host),
  port: flagOf(Settings.all.port),
  data,
  logFormat: flagOf(Settings.all.logFormat),
  liveFrameMillis: flagOf(Settings.all.liveFrameMillis),
  contactStaleSeconds: flagOf(Settings.all.contactStaleSeconds),
  contactLostSeconds: flagOf(Settings.all.contactLostSeconds),
  tileLingerMinutes: flagOf(Settings.all.tileLingerMinutes),
  silentSessionMinutes: flagOf(Settings.all.silentSessionMinutes),
  bridgeWindow: flagOf(Settings.all.bridgeWindow),
  config: file,
}

type Given = { readonly [K in keyof typeof Settings.all]?: Option.Option<string> } & {
  readonly config: Option.Option<string>
}

/** The settings, with these flags above everything else. */
export const load = ({ config, ...given }: Given) =>
  Effect.gen(function* () {
    const level = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
    const flags: Record<string, string> = {}
    for (const [key, { name }] of Object.entries(Settings.all)) {
      const flag = Object.entries(given).find(([other]) => other === key)?.[1]
      if (flag !== undefined && Option.isSome(flag)) flags[name] = flag.value
    }
    if (level !== NO_LOG_LEVEL) flags[Settings.all.logLevel.name] = level._tag.toLowerCase()
    return yield* Settings.load(flags, Option.getOrUndefined(config))
  })
