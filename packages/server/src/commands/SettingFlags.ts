/** The settings as flags of a command, and the settings that come out of them. */
import * as Options from "@effect/cli/Options"
import { Context, Effect, Option } from "effect"
import * as Settings from "../config/Settings.ts"

/**
 * What follows `--log-level`. The command line has a flag of that name of its own, which it finds only in some places
 * and which knows no file; so it is taken out of the arguments before they are looked at, with `takeLogLevel`.
 */
export class LogLevelFlag extends Context.Reference<LogLevelFlag>()("paceline/commands/LogLevelFlag", {
  defaultValue: (): { readonly value: string | undefined } => ({ value: undefined }),
}) {}

/** The arguments without `--log-level LEVEL`, and the level; empty when none follows. */
export const takeLogLevel = (
  args: ReadonlyArray<string>,
): { readonly value: string | undefined; readonly others: ReadonlyArray<string> } => {
  const flag = `--${Settings.all.logLevel.name}`
  const at = args.findIndex((arg) => arg === flag || arg.startsWith(`${flag}=`))
  if (at < 0) return { value: undefined, others: args }
  const inline = args[at] !== flag
  const value = inline ? args[at]?.slice(flag.length + 1) : args[at + 1]
  return { value: value ?? "", others: args.toSpliced(at, inline ? 1 : 2) }
}

const flagOf = ({ name, default: initial, description }: (typeof Settings.all)[keyof typeof Settings.all]) =>
  Options.text(name).pipe(Options.withDescription(`${description} Default: ${initial || "none"}.`), Options.optional)

export const file = Options.text("config").pipe(
  Options.withDescription("Read settings from this TOML file instead of paceline.toml."),
  Options.optional,
)

export const data = flagOf(Settings.all.data)

export const all = {
  host: flagOf(Settings.all.host),
  port: flagOf(Settings.all.port),
  allowedOrigins: flagOf(Settings.all.allowedOrigins),
  trustedProxies: flagOf(Settings.all.trustedProxies),
  data,
  logFormat: flagOf(Settings.all.logFormat),
  liveFrameMillis: flagOf(Settings.all.liveFrameMillis),
  contactStaleSeconds: flagOf(Settings.all.contactStaleSeconds),
  contactLostSeconds: flagOf(Settings.all.contactLostSeconds),
  tileLingerMinutes: flagOf(Settings.all.tileLingerMinutes),
  silentSessionMinutes: flagOf(Settings.all.silentSessionMinutes),
  bridgeWindow: flagOf(Settings.all.bridgeWindow),
  limitUser: flagOf(Settings.all.limitUser),
  limitAdmin: flagOf(Settings.all.limitAdmin),
  limitAddress: flagOf(Settings.all.limitAddress),
  limitUnauthenticated: flagOf(Settings.all.limitUnauthenticated),
  limitScanning: flagOf(Settings.all.limitScanning),
  limitBurstPercent: flagOf(Settings.all.limitBurstPercent),
  apiConcurrency: flagOf(Settings.all.apiConcurrency),
  apiQueue: flagOf(Settings.all.apiQueue),
  degradeAtPercent: flagOf(Settings.all.degradeAtPercent),
  recoverAtPercent: flagOf(Settings.all.recoverAtPercent),
  telemetryConcurrency: flagOf(Settings.all.telemetryConcurrency),
  metrics: flagOf(Settings.all.metrics),
  stalledAfterSeconds: flagOf(Settings.all.stalledAfterSeconds),
  logKeepDays: flagOf(Settings.all.logKeepDays),
  backupFolder: flagOf(Settings.all.backupFolder),
  backupAt: flagOf(Settings.all.backupAt),
  backupKeep: flagOf(Settings.all.backupKeep),
  config: file,
}

type Given = { readonly [K in keyof typeof Settings.all]?: Option.Option<string> } & {
  readonly config: Option.Option<string>
}

/** The settings, with these flags above everything else. */
export const load = ({ config, ...given }: Given) =>
  Effect.gen(function* () {
    const level = yield* LogLevelFlag
    const flags: Record<string, string> = {}
    for (const [key, { name }] of Object.entries(Settings.all)) {
      const flag = Object.entries(given).find(([other]) => other === key)?.[1]
      if (flag !== undefined && Option.isSome(flag)) flags[name] = flag.value
    }
    if (level.value !== undefined) flags[Settings.all.logLevel.name] = level.value
    return yield* Settings.load(flags, Option.getOrUndefined(config))
  })
