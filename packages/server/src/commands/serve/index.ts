/** `paceline serve`: a whole server on the embedded store, until it is told to stop. */
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { Retention } from "@paceline/core/messaging"
import { Effect, Layer } from "effect"
import { DataFolder } from "../../adapters/sqlite/DataFolder.ts"
import * as SqliteStore from "../../adapters/sqlite/SqliteStore.ts"
import * as Networks from "../../config/Networks.ts"
import type { ResolvedSettings } from "../../config/Settings.ts"
import * as Topics from "../../config/Topics.ts"
import home from "../../console/home/index.html"
import me from "../../console/me/index.html"
import mark from "../../console/parts/mark.svg" with { type: "text" }
import wall from "../../console/wall/index.html"
import * as AdminKeyFile from "../../contexts/identity/AdminKeyFile.ts"
import * as Gateway from "../../gateway/Gateway.ts"
import { Schedules } from "../../gateway/operations/Schedules.ts"
import { Server } from "../../gateway/Server.ts"
import * as Logging from "../../observability/Logging.ts"
import { VERSION } from "../../observability/Version.ts"
import { ADMIN_KEY } from "../AdminKey.ts"
import type { DemoOptions } from "../demo/index.ts"
import * as Backups from "./Backups.ts"

export interface ServeOptions {
  readonly settings: ResolvedSettings
  /** With a class of made-up athletes that train. */
  readonly demo: boolean
  /** FIT activities for the demo to play instead of made-up ones. */
  readonly demoFiles: ReadonlyArray<string>
}

/** Stopping takes a second or two. Should something hang, the process ends all the same. */
const LONGEST_STOP_MILLIS = 5_000

const endInTime = Effect.sync(() => {
  const arm = () => {
    const late = () => {
      console.error("paceline: stopping took longer than 5 seconds; some connections were cut.")
      process.exit(1)
    }
    setTimeout(late, LONGEST_STOP_MILLIS).unref()
  }
  process.once("SIGTERM", arm)
  process.once("SIGINT", arm)
})

const MINUTE = 60_000

/** Pages name their own icon; this is for those that do not, such as the API's. */
const picture = (svg: string): Response => new Response(svg, { headers: { "content-type": "image/svg+xml" } })

const gatewayOptions = (settings: ResolvedSettings): Gateway.GatewayOptions => ({
  host: settings.host.value,
  port: settings.port.value,
  allowedOrigins: settings.allowedOrigins.value.split(",").map((origin) => origin.trim()),
  trustedProxies: Networks.parseList(settings.trustedProxies.value) ?? [],
  pages: { "/": home, "/wall": wall, "/me": me, "/favicon.ico": picture(mark) },
  frameMillis: settings.liveFrameMillis.value,
  contact: {
    staleAfterMillis: settings.contactStaleSeconds.value * 1000,
    lostAfterMillis: settings.contactLostSeconds.value * 1000,
  },
  tileLingerMillis: settings.tileLingerMinutes.value * MINUTE,
  silentSessionMillis: settings.silentSessionMinutes.value * MINUTE,
  window: settings.bridgeWindow.value,
  limitsPerMinute: {
    user: settings.limitUser.value,
    admin: settings.limitAdmin.value,
    address: settings.limitAddress.value,
    unauthenticated: settings.limitUnauthenticated.value,
    scanning: settings.limitScanning.value,
  },
  burstPercent: settings.limitBurstPercent.value,
  apiConcurrency: settings.apiConcurrency.value,
  apiQueue: settings.apiQueue.value,
  degradeAtPercent: settings.degradeAtPercent.value,
  recoverAtPercent: settings.recoverAtPercent.value,
  telemetryConcurrency: settings.telemetryConcurrency.value,
  metrics: settings.metrics.value,
  stalledAfterMillis: settings.stalledAfterSeconds.value * 1000,
})

/** What the server does by itself beside its contexts: old records leave the log, and a copy is made every day. */
const housekeeping = ({ backupAt, backupFolder, backupKeep, logKeepDays }: ResolvedSettings) =>
  Effect.gen(function* () {
    yield* Effect.forkScoped(Retention.run(Topics.retention(logKeepDays.value)))
    const scheduler = yield* Schedules
    yield* Backups.start(scheduler, { folder: backupFolder.value, at: backupAt.value, keep: backupKeep.value })
  })

/** Where other machines of the network reach a server that listens on every address. */
const networkUrls = (port: number): ReadonlyArray<string> =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => `http://${address}:${port}`)

const banner = (server: { readonly url: string; readonly port: number }, host: string, folder: string): string => {
  const elsewhere = host === "0.0.0.0" || host === "::" ? networkUrls(server.port) : []
  return [
    "",
    `  Paceline ${VERSION} is running.`,
    "",
    `  Wall      ${server.url}/wall`,
    ...elsewhere.map((url) => `            ${url}/wall`),
    `  Start     ${server.url}/`,
    `  API docs  ${server.url}/docs`,
    `  Data      ${folder} (the admin key is in ${ADMIN_KEY} there)`,
    `  Stop      Ctrl+C`,
    ...(elsewhere.length > 0 ? [] : ["", "  For screens on other machines, start it with --host 0.0.0.0"]),
    "",
  ].join("\n")
}

const startDemo = (options: DemoOptions) =>
  Effect.promise(() => import("../demo/index.ts")).pipe(
    Effect.flatMap((demo) => demo.startDemo(options)),
    Effect.catchTag("DemoFailed", ({ message }) => Effect.logWarning(message)),
  )

const running = ({ demo, demoFiles, settings }: ServeOptions, forPeople: boolean) =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    const server = yield* Server
    yield* AdminKeyFile.ensure(join(folder.path, ADMIN_KEY))
    yield* folder.announce(server.url)
    yield* housekeeping(settings)
    if (forPeople) yield* Effect.sync(() => console.log(banner(server, settings.host.value, folder.path)))
    else yield* Effect.logInfo("Paceline is ready").pipe(Effect.annotateLogs({ url: server.url, data: folder.path }))
    if (demo) yield* startDemo({ url: server.url, dataFolder: folder.path, files: demoFiles })
    return yield* Effect.never
  })

export const serve = (options: ServeOptions) => {
  const { data, logFormat, logLevel } = options.settings
  const format = Logging.formatOf(logFormat.value, process.stdout.isTTY)
  const store = SqliteStore.layer({ folder: data.value, topics: Topics.settings })
  return endInTime.pipe(
    Effect.zipRight(running(options, format === "pretty")),
    Effect.scoped,
    Effect.provide(Gateway.layer(gatewayOptions(options.settings)).pipe(Layer.provideMerge(store))),
    Effect.provide(Logging.layer(format, logLevel.value)),
  )
}
