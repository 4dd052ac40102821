/**
 * The one server: pages, the API, its description, health, metrics, and the two WebSocket doors on one port.
 *
 * Doors and health are native routes; everything else goes to the API. All but pages and health is received within
 * limits (`Reception`). Stopping is orderly: nothing new is let in,
 * what is under way is finished and answered, and every connection is told that the server goes away.
 */

import { Degradation } from "@paceline/core/resilience"
import { LiveFrame } from "@paceline/core/wire"
import { Context, Duration, Effect, Layer, Runtime, Schedule } from "effect"
import type * as Networks from "../config/Networks.ts"
import { Health } from "../observability/Health.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as OpenMetrics from "../observability/OpenMetrics.ts"
import { VERSION } from "../observability/Version.ts"
import * as ClientAddress from "./ClientAddress.ts"
import * as Docs from "./Docs.ts"
import { notFound } from "./HttpErrors.ts"
import { type ListenFailed, listen, type PortTaken } from "./Listen.ts"
import { EVERYONE, LiveDoor, type Watcher, type WatcherConnection } from "./LiveDoor.ts"
import { LiveHub } from "./LiveHub.ts"
import * as Origins from "./Origins.ts"
import { Reception } from "./Reception.ts"
import { TelemetryDoor } from "./TelemetryDoor.ts"
import * as TelemetryHttp from "./TelemetryHttp.ts"
import type { TelemetrySession } from "./TelemetrySession.ts"

export interface ServerOptions {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** Web pages of other origins that may use the API and the doors from a browser; `*` for all. */
  readonly allowedOrigins: ReadonlyArray<string>
  /** Proxies before this server whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: ReadonlyArray<Networks.Network>
  /** Who may read `/metrics`: whoever has the admin key, or everybody who reaches the server. */
  readonly metrics: "admin" | "open"
  /** The pages, and what is always the same, by their path. */
  readonly pages: Readonly<Record<string, Bun.HTMLBundle | Response>>
}

export class Server extends Context.Tag("paceline/gateway/Server")<
  Server,
  {
    /** Where this machine reaches it, such as `http://127.0.0.1:8080`. */
    readonly url: string
    readonly port: number
  }
>() {}

type Socket =
  | { readonly door: "live"; readonly address: string; watcher: Watcher | null }
  | { readonly door: "telemetry"; readonly address: string; session: TelemetrySession | null }

/** The longest frame a door takes, bytes. A chunk of some seconds of forty straps is a twentieth of it. */
const LONGEST_FRAME = 1024 * 1024

/** So much may wait for a peer that does not read; then its connection is closed. */
const MOST_WAITING = 512 * 1024

/** A peer that answers no ping for so long is gone, seconds. */
const SILENCE_SECONDS = 30

const HEARTBEAT_EVERY = Duration.seconds(2)

/** How long stopping waits for requests and closing handshakes. */
const LAST_WORDS = Duration.seconds(1)

const json = (status: number, body: unknown): Response => Response.json(body, { status })

const answerNothing = (request: Request): Response => {
  const { pathname } = new URL(request.url)
  if (!request.headers.get("accept")?.includes("text/html")) return json(404, notFound(request.method, pathname))
  const page = `<!doctype html><title>Not found</title><p>There is nothing here. <a href="/">Paceline</a></p>`
  return new Response(page, { status: 404, headers: { "content-type": "text/html; charset=utf-8" } })
}

const upgrade = (origins: Origins.Origins, request: Request, server: Bun.Server<Socket>, data: Socket) => {
  if (!origins.isAllowed(request)) return origins.refuse(request)
  if (server.upgrade(request, { data })) return undefined
  return json(426, { _tag: "UpgradeRequired", message: "This is a WebSocket door: connect with a WebSocket." })
}

const connectionOf = (socket: Bun.ServerWebSocket<Socket>): WatcherConnection => ({
  address: socket.data.address,
  lasts: true,
  send: (frame) => {
    socket.sendBinary(frame)
  },
  close: (code) => socket.close(code),
  subscribe: (topic) => socket.subscribe(topic),
  unsubscribe: (topic) => socket.unsubscribe(topic),
})

const bytesOf = (message: string | Uint8Array): Uint8Array =>
  typeof message === "string" ? new TextEncoder().encode(message) : message

const make = (options: ServerOptions) =>
  Effect.gen(function* () {
    const hub = yield* LiveHub
    const live = yield* LiveDoor
    const telemetry = yield* TelemetryDoor
    const health = yield* Health
    const metrics = yield* Metrics
    const degradation = yield* Degradation.Degradation
    const reception = yield* Reception
    const addressFrom = ClientAddress.make(options.trustedProxies)
    const origins = Origins.make(options.allowedOrigins)
    const run = Runtime.runPromise(yield* Effect.runtime<never>())

    const ready = async () => {
      const [readiness, { level, off }] = await run(Effect.all([health.look, degradation.view]))
      return json(readiness.status === "ready" ? 200 : 503, { ...readiness, degradation: { level, off } })
    }

    const addressOf = (request: Request, server: Bun.Server<Socket>): string =>
      addressFrom(server.requestIP(request)?.address, request.headers.get("x-forwarded-for"))

    const watch = (request: Request, server: Bun.Server<Socket>) => {
      const address = addressOf(request, server)
      const data: Socket = { door: "live", address, watcher: null }
      return run(
        reception.open(
          address,
          Effect.sync(() => upgrade(origins, request, server, data)),
        ),
      )
    }

    const deliver = async (request: Request, server: Bun.Server<Socket>) => {
      const address = addressOf(request, server)
      if (request.method === "OPTIONS") return origins.preflight(request)
      if (request.method === "POST") {
        const answer = Effect.suspend(() =>
          origins.isAllowed(request)
            ? TelemetryHttp.exchange(telemetry, address, request)
            : Effect.succeed(origins.refuse(request)),
        )
        return origins.share(request, await run(reception.bridge(address, answer)))
      }
      const data: Socket = { door: "telemetry", address, session: null }
      return run(
        reception.bridge(
          address,
          Effect.sync(() => upgrade(origins, request, server, data)),
        ),
      )
    }

    const answerApi = async (request: Request, server: Bun.Server<Socket>) =>
      request.method === "OPTIONS"
        ? origins.preflight(request)
        : origins.share(request, await run(reception.api(request, addressOf(request, server))))

    /** For what needs no key. */
    const open =
      (answer: (request: Request) => Response | Promise<Response>) => (request: Request, server: Bun.Server<Socket>) =>
        run(
          reception.open(
            addressOf(request, server),
            Effect.promise(async () => answer(request)),
          ),
        )

    const tellMetrics = (request: Request, server: Bun.Server<Socket>) => {
      const format = OpenMetrics.formatFor(request.headers.get("accept"))
      const headers = { "content-type": OpenMetrics.contentType[format] }
      const answer = Effect.map(metrics.scrape(format), (text) => new Response(text, { headers }))
      const address = addressOf(request, server)
      return run(
        options.metrics === "open" ? reception.open(address, answer) : reception.admin(request, address, answer),
      )
    }

    const websocket: Bun.WebSocketHandler<Socket> = {
      maxPayloadLength: LONGEST_FRAME,
      backpressureLimit: MOST_WAITING,
      closeOnBackpressureLimit: true,
      idleTimeout: SILENCE_SECONDS,
      open: (socket) => {
        const { data } = socket
        if (data.door === "live") data.watcher = live.open(connectionOf(socket))
        else data.session = telemetry.open(connectionOf(socket))
      },
      message: ({ data }, message) => {
        if (data.door === "live") data.watcher?.receive(bytesOf(message))
        else data.session?.receive(bytesOf(message))
      },
      close: ({ data }) => {
        if (data.door === "live") {
          if (data.watcher !== null) live.closed(data.watcher)
        } else if (data.session !== null) {
          telemetry.closed(data.session)
        }
      },
    }

    const server = yield* listen(options, (port) =>
      Bun.serve<Socket>({
        hostname: options.host,
        port,
        development: false,
        // Without development Bun shares the port by default: a second server would take half of the first one's callers.
        reusePort: false,
        maxRequestBodySize: LONGEST_FRAME,
        routes: {
          ...options.pages,
          "/v1/live": watch,
          "/v1/telemetry": deliver,
          "/v1/*": answerApi,
          "/healthz": () => json(200, { status: "ok", version: VERSION }),
          "/readyz": ready,
          "/metrics": tellMetrics,
          "/docs": open(Docs.docs),
          "/openapi.json": open(Docs.openApi),
        },
        fetch: open(answerNothing),
        websocket,
      }),
    )
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        const stopped = server.stop(false)
        yield* telemetry.shutdown
        yield* live.shutdown
        yield* Effect.timeoutOption(
          Effect.promise(() => stopped),
          LAST_WORDS,
        )
        yield* Effect.promise(() => server.stop(true))
      }),
    )

    hub.deliverTo((channel, frame) => {
      server.publish(channel, frame)
    })
    const heartbeat = LiveFrame.encode({ _tag: "Heartbeat", echo: false })
    yield* Effect.sync(() => server.publish(EVERYONE, heartbeat)).pipe(
      Effect.repeat(Schedule.spaced(HEARTBEAT_EVERY)),
      Effect.forkScoped,
    )

    const port = server.port ?? options.port
    const host = ["0.0.0.0", "::", "*"].includes(options.host) ? "127.0.0.1" : options.host
    return Server.of({ port, url: `http://${host.includes(":") ? `[${host}]` : host}:${port}` })
  })

export const layer = (
  options: ServerOptions,
): Layer.Layer<
  Server,
  PortTaken | ListenFailed,
  Degradation.Degradation | Health | LiveDoor | LiveHub | Metrics | Reception | TelemetryDoor
> => Layer.scoped(Server, make(options))
