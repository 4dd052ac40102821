/**
 * The shell around `Subscription`: one WebSocket, one timer, and the browser's signs that the network or the
 * page woke up. It decides nothing; it carries out what the reducer says and tells listeners what changed.
 */
import { type FrameError, LiveFrame } from "@paceline/core/wire"
import type { Channel } from "./Channel.ts"
import * as Subscription from "./Subscription.ts"

/** What is used of a WebSocket: the browser's, Node's, Bun's and the `ws` package's all have it. */
export interface Socket {
  binaryType: string
  send(data: Uint8Array<ArrayBuffer>): void
  close(): void
  addEventListener(type: "open" | "close" | "error", listener: () => void): void
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void
}

export type SocketConstructor = new (url: string) => Socket

export interface ConnectionOptions {
  readonly url: string
  readonly WebSocket: SocketConstructor
  readonly now: () => number
  readonly random: () => number
}

/** One channel as it is now, and what may truthfully be said of it. */
export interface Sight {
  readonly contact: Subscription.Contact
  readonly channel: Channel
  readonly lastHeardAtMs: number | null
  readonly problem: LiveFrame.Problem | null
}

export interface Connection {
  /** Tells of the channel at once (in a microtask) and after each change. Returns what ends it. */
  readonly watch: (channel: string, listener: (sight: Sight) => void) => () => void
  readonly close: () => void
}

interface Watcher {
  readonly channel: string
  readonly listener: (sight: Sight) => void
  told: Sight | null
}

export const open = ({ url, WebSocket, now, random }: ConnectionOptions): Connection => {
  let state = Subscription.initial()
  let socket: { readonly connection: number; readonly socket: Socket } | null = null
  let timer: { readonly atMs: number; readonly id: ReturnType<typeof setTimeout> } | null = null
  let telling = false
  const watchers = new Set<Watcher>()

  const dispatch = (input: Subscription.Input): void => {
    const { state: next, outputs } = Subscription.step(state, input, now(), random())
    state = next
    for (const output of outputs) carryOut(output)
    schedule()
    tellSoon()
  }

  const carryOut = (output: Subscription.Output): void => {
    switch (output._tag) {
      case "Connect":
        connect(output.connection)
        break
      case "Send":
        if (socket?.connection === output.connection) send(socket.socket, output.frame)
        break
      case "Drop":
        if (socket?.connection === output.connection) drop(socket.socket)
        break
    }
  }

  const connect = (connection: number): void => {
    const made = construct(WebSocket, url)
    if (made === null) {
      // A refusal at once (a mixed-content rule, a bad URL) is a failure like any other, but not in mid-step.
      queueMicrotask(() => dispatch({ _tag: "Closed", connection }))
      return
    }
    made.binaryType = "arraybuffer"
    socket = { connection, socket: made }
    const current = () => socket?.connection === connection
    made.addEventListener("open", () => current() && dispatch({ _tag: "Opened", connection }))
    made.addEventListener("message", ({ data }) => current() && dispatch(heard(connection, data)))
    const closed = () => {
      if (!current()) return
      socket = null
      dispatch({ _tag: "Closed", connection })
    }
    made.addEventListener("close", closed)
    made.addEventListener("error", closed)
  }

  const drop = (dropped: Socket): void => {
    socket = null
    dropped.close()
  }

  const schedule = (): void => {
    const atMs = Subscription.nextTickMs(state)
    // A timer that fires early is harmless; so it is kept while frames move the true deadline further out.
    if (timer !== null && (atMs === null || timer.atMs > atMs)) {
      clearTimeout(timer.id)
      timer = null
    }
    if (timer !== null || atMs === null) return
    const id = setTimeout(
      () => {
        timer = null
        dispatch({ _tag: "Tick" })
      },
      Math.max(0, atMs - now()),
    )
    timer = { atMs, id }
  }

  const sightOf = (name: string): Sight | null => {
    const channel = state.watched.get(name)?.channel
    if (channel === undefined) return null
    const problem = channel.problem ?? state.problem
    return { contact: Subscription.contactOf(state, name, now()), channel, lastHeardAtMs: state.lastHeardAtMs, problem }
  }

  /** Listeners are told after the step is over, once for all that happened in it, and may watch and unwatch freely. */
  const tellSoon = (): void => {
    if (telling) return
    telling = true
    queueMicrotask(() => {
      telling = false
      for (const watcher of [...watchers]) tell(watcher)
    })
  }

  const tell = (watcher: Watcher): void => {
    const sight = sightOf(watcher.channel)
    if (!watchers.has(watcher) || sight === null || isSame(watcher.told, sight)) return
    watcher.told = sight
    try {
      watcher.listener(sight)
    } catch (error) {
      // One listener's fault must not keep the others from hearing; it surfaces as an uncaught error.
      queueMicrotask(() => {
        throw error
      })
    }
  }

  const stopListening = hearThePage(dispatch)

  return {
    watch: (channel, listener) => {
      const watcher: Watcher = { channel, listener, told: null }
      watchers.add(watcher)
      dispatch({ _tag: "Watch", channel })
      return () => {
        if (!watchers.delete(watcher)) return
        if ([...watchers].every((other) => other.channel !== channel)) dispatch({ _tag: "Unwatch", channel })
      }
    },
    close: () => {
      watchers.clear()
      for (const channel of state.watched.keys()) dispatch({ _tag: "Unwatch", channel })
      stopListening()
    },
  }
}

const construct = (WebSocket: SocketConstructor, url: string): Socket | null => {
  try {
    return new WebSocket(url)
  } catch {
    return null
  }
}

const send = (socket: Socket, frame: LiveFrame.LiveFrame): void => {
  try {
    socket.send(LiveFrame.encode(frame))
  } catch {
    // The socket is closing: its close event follows, and all is asked again on the next connection.
  }
}

const heard = (connection: number, data: unknown): Subscription.Input => {
  const frame: LiveFrame.LiveFrame | FrameError =
    data instanceof ArrayBuffer || data instanceof Uint8Array
      ? LiveFrame.decode(new Uint8Array(data))
      : { _tag: "FrameError", reason: "malformed", detail: "text where a binary frame was due" }
  if (frame._tag !== "FrameError") return { _tag: "Received", connection, frame }
  const code = frame.reason === "unknown-version" ? "unknown-version" : "malformed"
  const message = `The server sent what this client cannot read: ${frame.detail}.`
  return { _tag: "Unreadable", connection, problem: { _tag: "Problem", code, message, channel: null } }
}

const isSame = (a: Sight | null, b: Sight): boolean =>
  a !== null &&
  a.contact === b.contact &&
  a.problem === b.problem &&
  a.channel.entries === b.channel.entries &&
  (b.contact === "live" || a.lastHeardAtMs === b.lastHeardAtMs)

/** Browsers say when a page comes to the front and when the network changes; elsewhere there is nothing to hear. */
const hearThePage = (dispatch: (input: Subscription.Input) => void): (() => void) => {
  if (typeof window === "undefined" || typeof document === "undefined") return () => {}
  const woke = () => {
    if (document.visibilityState === "visible") dispatch({ _tag: "Woke" })
  }
  const networkChanged = () => dispatch({ _tag: "NetworkChanged" })
  document.addEventListener("visibilitychange", woke)
  window.addEventListener("pageshow", woke)
  window.addEventListener("online", networkChanged)
  window.addEventListener("offline", networkChanged)
  return () => {
    document.removeEventListener("visibilitychange", woke)
    window.removeEventListener("pageshow", woke)
    window.removeEventListener("online", networkChanged)
    window.removeEventListener("offline", networkChanged)
  }
}
