/**
 * The door that walls and phones watch through: `/v1/live`.
 *
 * A watcher subscribes to channels and gets, for each, a first frame that brings it up to date and then every frame
 * of the channel. Frames are encoded once and sent to all who watch by the server's own publish. A watcher who does
 * not read is closed when half a megabyte waits for it; it comes back with its position and misses nothing.
 */
import { isLiveChannel } from "@paceline/core/contract"
import { LiveFrame } from "@paceline/core/wire"
import { Context, Effect, Layer } from "effect"
import { CloseCode, type Connection } from "./Connection.ts"
import { LiveHub } from "./LiveHub.ts"

/** A connection that frames of a topic can be published to. */
export interface WatcherConnection extends Connection {
  readonly subscribe: (topic: string) => void
  readonly unsubscribe: (topic: string) => void
}

/** The server's end of one connection. */
export interface Watcher {
  readonly receive: (bytes: Uint8Array) => void
}

/** All watchers hear this topic: heartbeats. */
export const EVERYONE = "everyone"

/** So many channels may one connection watch. */
const MOST_CHANNELS = 32

/** What a watcher sends is short. */
const LONGEST_FRAME = 1024

export class LiveDoor extends Context.Tag("paceline/gateway/LiveDoor")<
  LiveDoor,
  {
    readonly open: (connection: WatcherConnection) => Watcher
    /** Call it when the connection is gone. */
    readonly closed: (watcher: Watcher) => void
    readonly shutdown: Effect.Effect<void>
  }
>() {}

const watch = (connection: WatcherConnection, hub: Context.Tag.Service<typeof LiveHub>): Watcher => {
  const channels = new Set<string>()
  const problem = (code: LiveFrame.ProblemCode, message: string, channel: string | null = null) =>
    connection.send(LiveFrame.encode({ _tag: "Problem", code, message, channel }))
  const refuse = (code: LiveFrame.ProblemCode, message: string) => {
    problem(code, message)
    connection.close(CloseCode.BadFrame)
  }

  const subscribe = ({ after, channel }: LiveFrame.Subscribe) => {
    if (!isLiveChannel(channel)) {
      return problem("unknown-channel", `There is no channel "${channel.slice(0, 100)}".`, channel.slice(0, 100))
    }
    if (!channels.has(channel) && channels.size >= MOST_CHANNELS) {
      return problem("too-many-channels", `One connection watches at most ${MOST_CHANNELS} channels.`, channel)
    }
    channels.add(channel)
    connection.send(hub.join(channel, after))
    connection.subscribe(channel)
  }

  connection.subscribe(EVERYONE)
  return {
    receive: (bytes) => {
      if (bytes.byteLength > LONGEST_FRAME) return refuse("malformed", "the frame is too long")
      const frame = LiveFrame.decode(bytes)
      switch (frame._tag) {
        case "FrameError":
          return refuse(frame.reason === "unknown-version" ? frame.reason : "malformed", frame.detail)
        case "Subscribe":
          return subscribe(frame)
        case "Unsubscribe":
          channels.delete(frame.channel)
          return connection.unsubscribe(frame.channel)
        case "Heartbeat":
          if (!frame.echo) connection.send(LiveFrame.encode({ _tag: "Heartbeat", echo: true }))
          return
        default:
          return refuse("malformed", `a ${frame._tag} frame is for the server to send`)
      }
    },
  }
}

export const layer: Layer.Layer<LiveDoor, never, LiveHub> = Layer.effect(
  LiveDoor,
  Effect.gen(function* () {
    const hub = yield* LiveHub
    const open = new Map<Watcher, Connection>()
    return LiveDoor.of({
      open: (connection) => {
        const watcher = watch(connection, hub)
        open.set(watcher, connection)
        return watcher
      },
      closed: (watcher) => {
        open.delete(watcher)
      },
      shutdown: Effect.sync(() => {
        for (const connection of open.values()) connection.close(CloseCode.GoingAway)
      }),
    })
  }),
)
