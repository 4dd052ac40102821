/**
 * Everything that can be set about a server: each with its flag, its environment variable, its key in the file, its
 * default and what it is for. `paceline config` prints them, with where each value came from.
 */
import { Effect, Either, Schema } from "effect"
import {
  InvalidSetting,
  networks,
  oneOf,
  type Resolved,
  resolve,
  type Sources,
  setting,
  text,
  timeOfDay,
  wholeNumber,
} from "./Setting.ts"
import * as SettingsFile from "./SettingsFile.ts"

/** Requests in a minute; 0 for no limit. */
const perMinute = wholeNumber(0, 1_000_000)

const percent = wholeNumber(1, 100)

export const all = {
  host: setting("host", "Address to listen on. 0.0.0.0 lets other machines of the network in.", text, "127.0.0.1"),
  port: setting("port", "Port to listen on. 0 takes any that is free.", wholeNumber(0, 65_535), 8080),
  allowedOrigins: setting(
    "allowed-origins",
    "Web pages of other origins that may use the API from a browser, by commas; * for all.",
    Schema.String,
    "",
  ),
  trustedProxies: setting(
    "trusted-proxies",
    "Proxies before the server whose X-Forwarded-For is believed: addresses and networks, by commas.",
    networks,
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
  limitUser: setting(
    "limit-user",
    "API requests of one athlete's or device's key in a minute. 0: no limit.",
    perMinute,
    100,
  ),
  limitAdmin: setting("limit-admin", "API requests of the admin's key in a minute. 0: no limit.", perMinute, 1_000),
  limitAddress: setting(
    "limit-address",
    "Requests and connections of one address in a minute, in all. 0: no limit.",
    perMinute,
    1_000,
  ),
  limitUnauthenticated: setting(
    "limit-unauthenticated",
    "Those of one address in a minute that have no known key. 0: no limit.",
    perMinute,
    500,
  ),
  limitScanning: setting(
    "limit-scanning",
    "Those of one address in a minute that are not allowed or find nothing. 0: no limit.",
    perMinute,
    200,
  ),
  limitBurstPercent: setting(
    "limit-burst-percent",
    "So much of a minute's limit may come at once after a pause, percent.",
    percent,
    20,
  ),
  apiConcurrency: setting(
    "api-concurrency",
    "So many API requests are worked on at once; bridges have places of their own.",
    wholeNumber(1, 10_000),
    64,
  ),
  apiQueue: setting(
    "api-queue",
    "So many more API requests wait for their turn; the rest is told to come again.",
    wholeNumber(0, 100_000),
    256,
  ),
  degradeAtPercent: setting(
    "degrade-at-percent",
    "Load from which leaderboards and points rest, percent of what can be done.",
    percent,
    90,
  ),
  recoverAtPercent: setting("recover-at-percent", "Load down to which they come back, percent.", percent, 70),
  telemetryConcurrency: setting(
    "telemetry-concurrency",
    "So many groups of bridges' chunks are stored at once.",
    wholeNumber(1, 10_000),
    2,
  ),
  metrics: setting(
    "metrics",
    "Who may read /metrics: admin, who has the admin key; open, everybody who reaches the server.",
    oneOf("admin", "open"),
    "admin",
  ),
  stalledAfterSeconds: setting(
    "stalled-after-seconds",
    "A consumer group that has stood so long with records to read turns /readyz red.",
    wholeNumber(1, 86_400),
    30,
  ),
  logKeepDays: setting(
    "log-keep-days",
    "What was delivered stays in the event log for so long, and until all groups have read it.",
    wholeNumber(1, 36_500),
    7,
  ),
  backupFolder: setting("backup-folder", "Folder for a backup every day. Without one none is made.", Schema.String, ""),
  backupAt: setting("backup-at", "When that backup is made, by this machine's clock.", timeOfDay, "03:30"),
  backupKeep: setting("backup-keep", "So many of those backups are kept; older ones go.", wholeNumber(1, 10_000), 14),
}

/** The settings in the groups that they are shown in. */
export const sections: Readonly<Record<string, ReadonlyArray<keyof typeof all>>> = {
  Server: ["host", "port", "allowedOrigins", "trustedProxies", "data"],
  Log: ["logFormat", "logLevel"],
  "Wall and sessions": [
    "liveFrameMillis",
    "contactStaleSeconds",
    "contactLostSeconds",
    "tileLingerMinutes",
    "silentSessionMinutes",
  ],
  "Limits, requests a minute": [
    "limitUser",
    "limitAdmin",
    "limitAddress",
    "limitUnauthenticated",
    "limitScanning",
    "limitBurstPercent",
  ],
  Operations: ["metrics", "stalledAfterSeconds", "logKeepDays", "backupFolder", "backupAt", "backupKeep"],
  Load: ["apiConcurrency", "apiQueue", "telemetryConcurrency", "bridgeWindow", "degradeAtPercent", "recoverAtPercent"],
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
      trustedProxies: yield* resolve(all.trustedProxies, sources),
      data: yield* resolve(all.data, sources),
      logFormat: yield* resolve(all.logFormat, sources),
      logLevel: yield* resolve(all.logLevel, sources),
      liveFrameMillis: yield* resolve(all.liveFrameMillis, sources),
      contactStaleSeconds: yield* resolve(all.contactStaleSeconds, sources),
      contactLostSeconds: yield* resolve(all.contactLostSeconds, sources),
      tileLingerMinutes: yield* resolve(all.tileLingerMinutes, sources),
      silentSessionMinutes: yield* resolve(all.silentSessionMinutes, sources),
      bridgeWindow: yield* resolve(all.bridgeWindow, sources),
      limitUser: yield* resolve(all.limitUser, sources),
      limitAdmin: yield* resolve(all.limitAdmin, sources),
      limitAddress: yield* resolve(all.limitAddress, sources),
      limitUnauthenticated: yield* resolve(all.limitUnauthenticated, sources),
      limitScanning: yield* resolve(all.limitScanning, sources),
      limitBurstPercent: yield* resolve(all.limitBurstPercent, sources),
      apiConcurrency: yield* resolve(all.apiConcurrency, sources),
      apiQueue: yield* resolve(all.apiQueue, sources),
      degradeAtPercent: yield* resolve(all.degradeAtPercent, sources),
      recoverAtPercent: yield* resolve(all.recoverAtPercent, sources),
      telemetryConcurrency: yield* resolve(all.telemetryConcurrency, sources),
      metrics: yield* resolve(all.metrics, sources),
      stalledAfterSeconds: yield* resolve(all.stalledAfterSeconds, sources),
      logKeepDays: yield* resolve(all.logKeepDays, sources),
      backupFolder: yield* resolve(all.backupFolder, sources),
      backupAt: yield* resolve(all.backupAt, sources),
      backupKeep: yield* resolve(all.backupKeep, sources),
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
    const { degradeAtPercent: degrade, recoverAtPercent: recover } = settings
    if (recover.value >= degrade.value) {
      return yield* Either.left(
        new InvalidSetting({
          setting: recover.setting.name,
          source: "with degrade-at-percent",
          problem: `features come back at ${recover.value} %, which must be less than they go at, ${degrade.value} %`,
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
