/** Taking a port, and saying in one sentence what to do when it cannot be had. */
import { Effect, Schema } from "effect"

/** Someone else listens on the port. */
export class PortTaken extends Schema.TaggedError<PortTaken>("paceline/PortTaken")("PortTaken", {
  port: Schema.Int,
  /** The next port that nobody listens on, if there is one close by. */
  free: Schema.NullOr(Schema.Int),
}) {
  override get message(): string {
    const instead = this.free === null ? "--port 0 for any free one" : `--port ${this.free}, which is free`
    return `Port ${this.port} is taken by another program. Stop that, or start with ${instead}.`
  }
}

/** The address cannot be listened on. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>("paceline/ListenFailed")("ListenFailed", {
  host: Schema.String,
  port: Schema.Int,
  reason: Schema.String,
}) {
  override get message(): string {
    return `Cannot listen on ${this.host}, port ${this.port}: ${this.reason}. Choose others with --host and --port.`
  }
}

/** So many ports after the wanted one are tried, to name one that is free. */
const TRIES = 50

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

const isFree = (hostname: string, port: number): boolean => {
  try {
    Bun.listen({ hostname, port, socket: { data: () => {} } }).stop(true)
    return true
  } catch {
    return false
  }
}

const nextFree = (host: string, after: number): number | null => {
  for (let port = after + 1; port <= Math.min(65_535, after + TRIES); port++) if (isFree(host, port)) return port
  return null
}

/** Starts what `serve` makes on the wanted port. */
export const listen = <A>(
  { host, port }: { readonly host: string; readonly port: number },
  serve: (port: number) => A,
): Effect.Effect<A, PortTaken | ListenFailed> =>
  Effect.try({
    try: () => serve(port),
    catch: (cause) => {
      if (codeOf(cause) === "EADDRINUSE") return new PortTaken({ port, free: nextFree(host, port) })
      return new ListenFailed({ host, port, reason: cause instanceof Error ? cause.message : String(cause) })
    },
  })
