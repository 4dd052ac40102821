/**
 * Everything that can be set about a server: each with its flag, its environment variable, its key in the file, its
 * default and what it is for. `paceline config` prints them, with where each value came from.
 */
import { Effect, Either, Schema } from "effect"
import { InvalidSetting, oneOf, type Resolved, resolve, type Sources, setting, text, wholeNumber } from "./Setting.ts"
import * as SettingsFile from "./SettingsFile.ts"

export const all = {
  host: setting("host", "Address to listen on. 0.0.0.0 lets other machines of the network in.", text, "127.0.0.1"),
  port: setting("port", "Port to listen on. 0 takes any that is free.", wholeNumber(0, 65_535), 8080),
  allowedOrigins: setting(
    "allowed-origins",
    "Web pages of other origins that may use the API from a browser, by commas; * for all.",
    Schema.String,
    "",
  ),
  data: setting("data", "Folder that everything is kept in.", text, "./paceline-data"),
  logFormat: setting(
    "log-format",
    "How the log is written: pretty for people, json for programs, auto by whether it goes to a terminal.",
    oneOf("auto", "pretty", "json"),
    "auto",
  ),
  logLevel: setting(
    "log-level",
    "The least important messages that are still written.",
    oneOf("all", "trace", "debug", "info", "warning", "error", "fatal", "none"),
    "info",
  ),
  liveFrameMillis: setting(
    "live-frame-ms",
    "Changes on a wall are gathered for so long before they are sent, milliseconds.",
    wholeNumber(5, 5_000),
    50,
  ),
  contactStaleSeconds: setting(
    "contact-stale-seconds",
    "A heart rate older than this is shown as stale.",
    wholeNumber(1, 600),
    4,
  ),
  contactLostSeconds: setting(
    "contact-lost-seconds",
    "A heart rate older than this means that contact is lost.",
    wholeNumber(1, 3_600),
    12,
  ),
  tileLingerMinutes: setting(
    "tile-linger-minutes",
    "A finished athlete's tile stays on the wall for so long.",
    wholeNumber(0, 1_440),
    15,
  ),
  silentSessionMinutes: setting(
    "silent-session-minutes",
    "A session of which nothing was heard for so long is ended.",
    wholeNumber(1, 10_080),
    120,
  ),
  bridgeWindow: setting(
    "bridge-window",
    "So many chunks of a bridge may be on their way without an acknowledgement.",
    wholeNumber(1, 1_024),
    64,
  ),
}

type All = typeof all

/** Every setting with its value and where that came from. */
export type ResolvedSettings = { readonly [K in keyof All]: Resolved<All[K]["default"]> }

/** The names of all settings, in the order they are shown. */
export const names: ReadonlyArray<string> = Object.values(all).map(({ name }) => name)

/** Looks every setting up. The first that is invalid is the error. */
export const resolveAll = (sources: Sources): Either.Either<ResolvedSettings, InvalidSetting> =>
  Either.gen(function* () {
    const settings: ResolvedSettings = {
      host: yield* resolve(all.host, sources),
      port: yield* resolve(all.port, sources),
      allowedOrigins: yield* resolve(all.allowedOrigins, sources),
      data: yield* resolve(all.data, sources),
      logFormat: yield* resolve(all.logFormat, sources),
      logLevel: yield* resolve(all.logLevel, sources),
      liveFrameMillis: yield* resolve(all.liveFrameMillis, sources),
      contactStaleSeconds: yield* resolve(all.contactStaleSeconds, sources),
      contactLostSeconds: yield* resolve(all.contactLostSeconds, sources),
      tileLingerMinutes: yield* resolve(all.tileLingerMinutes, sources),
      silentSessionMinutes: yield* resolve(all.silentSessionMinutes, sources),
      bridgeWindow: yield* resolve(all.bridgeWindow, sources),
    }
    const { contactLostSeconds: lost, contactStaleSeconds: stale } = settings
    if (lost.value <= stale.value) {
      return yield* Either.left(
        new InvalidSetting({
          setting: lost.setting.name,
          source: "with contact-stale-seconds",
          problem: `a heart rate is lost after ${lost.value} s, which must be later than it is stale, ${stale.value} s`,
        }),
      )
    }
    return settings
  })

/** Looks every setting up in these flags, the environment, and the file. */
export const load = (
  flags: Sources["flags"],
  file: string | undefined,
): Effect.Effect<ResolvedSettings, InvalidSetting | SettingsFile.InvalidSettingsFile> =>
  Effect.flatMap(SettingsFile.read(file, names), (found) =>
    resolveAll({ flags, environment: process.env, file: found }),
  )
