/**
 * Decides how the backlog gets to the server: a state machine without sockets, files or clocks.
 *
 *     Idle → Dialling → Greeting → Streaming → (anything wrong) → Waiting → Dialling …
 *                                       └→ (low power, all delivered) → Resting → Dialling …
 *
 * Each input gives the next state and what the shell is to do. A new connection starts again from the oldest
 * chunk that waits; what the server has of them already, its welcome says. What a connection that was given up
 * still says is ignored, because inputs carry the number of their connection.
 *
 * @example
 * const at = { now: performance.now(), random: Math.random(), renewsKey: false, limits }
 * const { state, commands } = step(initial, { _tag: "Start" }, at)
 */
import type { FrameError, TelemetryFrame } from "@paceline/core/wire"
import type {
  Command,
  DeliveryLimits,
  Identity,
  Input,
  Power,
  Problem,
  Transport as TransportName,
} from "./Protocol.ts"
import * as Retry from "./Retry.ts"
import * as Streaming from "./Streaming.ts"
import * as Transport from "./Transport.ts"

export type Link =
  | { readonly _tag: "Idle" }
  /** `refused`: the server said that it will not have this device as it is; it is asked again, but slowly. */
  | { readonly _tag: "Waiting"; readonly until: number; readonly refused: boolean }
  | { readonly _tag: "Dialling"; readonly since: number }
  | { readonly _tag: "Greeting"; readonly since: number; readonly own: Identity | null }
  | Streaming.Streaming
  /** In low power, with everything delivered; `until`: since something new waits. */
  | { readonly _tag: "Resting"; readonly until: number | null }
  | { readonly _tag: "Closed" }

export interface DeliveryState {
  readonly link: Link
  /** Counts the connections; inputs of any other than this one are stale. */
  readonly connection: number
  /** Failures in a row without anything stored between them. */
  readonly attempt: number
  /** Why there is no connection, or why the last one ended; null once the server has welcomed this device again. */
  readonly problem: Problem | null
  /** What the connection goes over, or the last one went over; and what is known for the next. */
  readonly transport: TransportName
  readonly choice: Transport.Choice
  readonly power: Power
  /** The server has refused a key since it last welcomed this device. */
  readonly keyRefused: boolean
}

export const initial: DeliveryState = {
  link: { _tag: "Idle" },
  connection: 0,
  attempt: 0,
  problem: null,
  transport: "websocket",
  choice: Transport.initial,
  power: "normal",
  keyRefused: false,
}

export interface Surroundings {
  /** A clock that never goes back, in milliseconds. */
  readonly now: number
  /** In [0, 1). */
  readonly random: number
  readonly limits: DeliveryLimits
  /** The key is asked for at each connection, so one that was refused may be followed by a better one. */
  readonly renewsKey?: boolean
}

export interface Step {
  readonly state: DeliveryState
  /** To be carried out at once, in this order. */
  readonly commands: ReadonlyArray<Command>
}

export const step = (before: DeliveryState, input: Input, surroundings: Surroundings): Step => {
  const stale = "connection" in input && input.connection !== before.connection
  if (before.link._tag === "Closed" || stale) return unchanged(before)
  const at = before.transport === "http" ? overHttp(surroundings) : surroundings
  return rest(taken(before, input, at))
}

const taken = (state: DeliveryState, input: Input, at: Surroundings): Step => {
  const { link } = state
  switch (input._tag) {
    case "Start":
      return link._tag === "Idle" ? dial(state, at) : unchanged(state)
    case "Stop":
      return { state: { ...state, link: { _tag: "Closed" } }, commands: [{ _tag: "HangUp" }] }
    case "Tick":
      return tick(state, at)
    case "Opened":
      if (link._tag !== "Dialling") return unchanged(state)
      return {
        state: { ...state, link: { _tag: "Greeting", since: at.now, own: null } },
        commands: [{ _tag: "SendHello" }],
      }
    case "Greeted":
      return link._tag === "Greeting" ? unchanged({ ...state, link: { ...link, own: input.own } }) : unchanged(state)
    case "Received":
      return received(state, input.frame, at)
    case "Lost": {
      const { code = "unreachable", reason, retryAfterMillis } = input
      return fail(state, { code, message: reason, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) }, at)
    }
    case "Appended":
      if (link._tag === "Resting") return gathered(state, link.until, input.waitingBytes, at)
      return link._tag === "Streaming" ? turn(state, Streaming.appended(link), at) : unchanged(state)
    case "Sent":
      if (link._tag !== "Streaming") return unchanged(state)
      if (input.untellable !== undefined && link.inFlight.length === 0 && input.chunks.length === 0) {
        return passOver(state, input.untellable, at)
      }
      return turn(state, Streaming.sent(link, input, at.now, at.limits), at)
    case "Sensed":
      if (link._tag !== "Streaming") return unchanged(state)
      return turn(state, Streaming.live({ ...link, livePending: true }, at.now, at.limits), at)
    case "Power": {
      const changed = { ...state, power: input.power }
      if (input.power === "low") return unchanged(changed)
      return link._tag === "Resting" ? dial(changed, at) : unchanged({ ...changed, link: hurried(state, at) })
    }
    case "Hurry":
      return link._tag === "Resting" && link.until !== null ? dial(state, at) : unchanged(state)
  }
}

/** When the machine wants its next `Tick`, or null when only others can move it. */
export const wakeAt = ({ choice, link, transport }: DeliveryState, limits: DeliveryLimits): number | null => {
  switch (link._tag) {
    case "Idle":
    case "Closed":
      return null
    case "Waiting":
    case "Resting":
      return link.until
    case "Dialling":
    case "Greeting":
      return link.since + limits.deadMillis
    case "Streaming":
      if (transport === "websocket") return Streaming.wakeAt(link, limits)
      return Math.min(Streaming.wakeAt(link, httpLimits(limits)), choice.webSocketAt ?? Number.POSITIVE_INFINITY)
  }
}

const httpLimits = (limits: DeliveryLimits): DeliveryLimits => ({ ...limits, liveMillis: limits.httpLiveMillis })

const overHttp = (at: Surroundings): Surroundings => ({ ...at, limits: httpLimits(at.limits) })

const unchanged = (state: DeliveryState): Step => ({ state, commands: [] })

const turn = (state: DeliveryState, taken: Streaming.Turn, at: Surroundings): Step => {
  if ("broken" in taken) return fail(state, taken.broken, at)
  const attempt = taken.progressed === true ? 0 : state.attempt
  return { state: { ...state, attempt, link: taken.link }, commands: taken.commands }
}

const dial = (state: DeliveryState, { limits, now }: Surroundings): Step => {
  const connection = state.connection + 1
  const transport = Transport.next(state.choice, now, limits)
  return {
    state: { ...state, connection, transport, link: { _tag: "Dialling", since: now } },
    commands: [{ _tag: "Dial", connection, transport }],
  }
}

/** Gives this connection up for a new one at once. */
const redial = (state: DeliveryState, at: Surroundings): Step => {
  const dialled = dial(state, at)
  return { ...dialled, commands: [{ _tag: "HangUp" }, ...dialled.commands] }
}

/**
 * A server of before there were gaps hears of one by what the next hello names as the first that waits: so the gap is
 * let go, and a new connection says hello.
 */
const passOver = (state: DeliveryState, { incarnation, n }: Identity, at: Surroundings): Step => {
  const redialled = redial(state, at)
  return { ...redialled, commands: [{ _tag: "Acknowledge", incarnation, n }, ...redialled.commands] }
}

/** Gives the connection up and waits. */
const fail = (state: DeliveryState, problem: Problem, { limits, now, random, renewsKey }: Surroundings): Step => {
  const { link } = state
  if (link._tag !== "Dialling" && link._tag !== "Greeting" && link._tag !== "Streaming") return unchanged(state)
  const steady = link._tag === "Streaming" && now - link.welcomedAt >= limits.steadyMillis
  // A WebSocket that was only tried, while HTTP works, is no reason to keep HTTP waiting.
  const tried = link._tag !== "Streaming" && state.transport === "websocket" && state.choice.webSocketAt !== null
  const attempt = steady || tried ? 0 : state.attempt
  const refused = Retry.isRefusal(problem.code, renewsKey === true && !state.keyRefused)
  const delay = Retry.delayMillis(problem, refused, attempt, random, state.power, limits)
  const unanswered = link._tag !== "Streaming" && (problem.code === "unreachable" || problem.code === "dead")
  return {
    state: {
      ...state,
      attempt: attempt + 1,
      problem,
      choice: unanswered ? Transport.failed(state.choice, state.transport, now, random, limits) : state.choice,
      keyRefused: state.keyRefused || problem.code === "unauthorized",
      link: { _tag: "Waiting", until: now + delay, refused },
    },
    commands: [{ _tag: "HangUp" }],
  }
}

/** There is power again: who waited only to save it waits no longer than others do. */
const hurried = ({ link, problem }: DeliveryState, { limits, now }: Surroundings): Link => {
  if (link._tag !== "Waiting" || link.refused || problem?.retryAfterMillis !== undefined) return link
  return { ...link, until: Math.min(link.until, now + limits.backoff.maxMillis) }
}

/** In low power, while resting: something was appended. */
const gathered = (state: DeliveryState, until: number | null, waitingBytes: number, at: Surroundings): Step => {
  if (waitingBytes >= at.limits.gatherBytes) return dial(state, at)
  return unchanged({ ...state, link: { _tag: "Resting", until: until ?? at.now + at.limits.gatherMillis } })
}

/** In low power, once all that the buffer had is stored, the connection is of no more use. */
const rest = ({ commands, state }: Step): Step => {
  const { link, power } = state
  if (power === "normal" || link._tag !== "Streaming" || !link.drained || link.inFlight.length > 0) {
    return { state, commands }
  }
  return { state: { ...state, link: { _tag: "Resting", until: null } }, commands: [...commands, { _tag: "HangUp" }] }
}

const received = (before: DeliveryState, frame: TelemetryFrame.TelemetryFrame | FrameError, at: Surroundings): Step => {
  const link: Link = before.link._tag === "Streaming" ? { ...before.link, heardAt: at.now } : before.link
  const state = { ...before, link }
  switch (frame._tag) {
    case "Welcome":
      if (link._tag !== "Greeting") break
      return turn(welcomed(state, at), Streaming.welcomed(frame, link.own, at.now, at.limits), at)
    case "Ack":
      if (link._tag !== "Streaming") break
      return turn(state, Streaming.acknowledged(link, frame, at.now, at.limits), at)
    case "Quarantined":
      if (link._tag !== "Streaming") break
      return turn(state, Streaming.quarantined(link, frame, at.now), at)
    case "Heartbeat":
      return frame.echo ? unchanged(state) : { state, commands: [{ _tag: "SendHeartbeat", echo: true }] }
    case "Credit":
      if (link._tag !== "Streaming") break
      return turn(state, Streaming.credited(link, frame), at)
    case "Problem": {
      const { _tag, ...problem } = frame
      return fail(state, problem, at)
    }
    case "FrameError": {
      const code = frame.reason === "unknown-version" ? "unknown-version" : "protocol"
      return fail(state, { code, message: `The server sent what this bridge cannot read: ${frame.detail}.` }, at)
    }
    case "Hello":
    case "Chunk":
    case "Gap":
    case "Live":
      break
  }
  return fail(state, { code: "protocol", message: `The server sent ${frame._tag} where it must not.` }, at)
}

const welcomed = (state: DeliveryState, { limits, now, random }: Surroundings): DeliveryState => ({
  ...state,
  problem: null,
  keyRefused: false,
  choice: Transport.welcomed(state.choice, state.transport, now, random, limits),
})

const tick = (state: DeliveryState, at: Surroundings): Step => {
  const { link } = state
  const { now, limits } = at
  switch (link._tag) {
    case "Idle":
    case "Closed":
      return unchanged(state)
    case "Waiting":
      return now >= link.until ? dial(state, at) : unchanged(state)
    case "Resting":
      return link.until !== null && now >= link.until ? dial(state, at) : unchanged(state)
    case "Dialling":
    case "Greeting": {
      if (now < link.since + limits.deadMillis) return unchanged(state)
      const what = link._tag === "Dialling" ? "did not take the connection" : "did not answer the greeting"
      return fail(state, { code: "dead", message: `The server ${what} for ${limits.deadMillis / 1000} s.` }, at)
    }
    case "Streaming": {
      const { webSocketAt } = state.choice
      // What is on its way may be stored or not: the next welcome says.
      if (state.transport === "http" && webSocketAt !== null && now >= webSocketAt) return redial(state, at)
      return turn(state, Streaming.ticked(link, now, limits), at)
    }
  }
}
