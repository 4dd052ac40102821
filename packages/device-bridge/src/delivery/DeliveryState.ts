/**
 * Decides how the backlog gets to the server: a state machine without sockets, files or clocks.
 *
 *     Idle → Dialling → Greeting → Streaming → (anything wrong) → Waiting → Dialling …
 *
 * Each input gives the next state and what the shell is to do. A new connection starts again from the oldest
 * chunk that waits; what the server has of them already, its welcome says. What a connection that was given up
 * still says is ignored, because inputs carry the number of their connection.
 *
 * @example
 * const { state, commands } = step(initial, { _tag: "Start" }, { now: performance.now(), random: Math.random(), limits })
 */
import { Backoff } from "@paceline/core/kernel"
import type { FrameError, TelemetryFrame } from "@paceline/core/wire"
import type { Command, DeliveryLimits, Identity, Input, Problem, ProblemCode } from "./Protocol.ts"
import * as Streaming from "./Streaming.ts"

export type Link =
  | { readonly _tag: "Idle" }
  /** `refused`: the server said that it will not have this device as it is; it is asked again, but slowly. */
  | { readonly _tag: "Waiting"; readonly until: number; readonly refused: boolean }
  | { readonly _tag: "Dialling"; readonly since: number }
  | { readonly _tag: "Greeting"; readonly since: number; readonly own: Identity | null }
  | Streaming.Streaming
  | { readonly _tag: "Closed" }

export interface DeliveryState {
  readonly link: Link
  /** Counts the connections; inputs of any other than this one are stale. */
  readonly connection: number
  /** Failures in a row without anything stored between them. */
  readonly attempt: number
  /** Why there is no connection, or why the last one ended; null once the server has welcomed this device again. */
  readonly problem: Problem | null
}

export const initial: DeliveryState = { link: { _tag: "Idle" }, connection: 0, attempt: 0, problem: null }

export interface Surroundings {
  /** A clock that never goes back, in milliseconds. */
  readonly now: number
  /** In [0, 1). */
  readonly random: number
  readonly limits: DeliveryLimits
}

export interface Step {
  readonly state: DeliveryState
  /** To be carried out at once, in this order. */
  readonly commands: ReadonlyArray<Command>
}

export const step = (state: DeliveryState, input: Input, at: Surroundings): Step => {
  const { link } = state
  const stale = "connection" in input && input.connection !== state.connection
  if (link._tag === "Closed" || stale) return unchanged(state)
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
    case "Lost":
      return fail(state, { code: "unreachable", message: input.reason }, at)
    case "Appended":
      return link._tag === "Streaming" ? turn(state, Streaming.pump(link), at) : unchanged(state)
    case "Sent":
      if (link._tag !== "Streaming") return unchanged(state)
      return turn(state, Streaming.sent(link, input, at.now, at.limits), at)
    case "Sensed":
      if (link._tag !== "Streaming") return unchanged(state)
      return turn(state, Streaming.live({ ...link, livePending: true }, at.now, at.limits), at)
  }
}

/** When the machine wants its next `Tick`, or null when only others can move it. */
export const wakeAt = ({ link }: DeliveryState, limits: DeliveryLimits): number | null => {
  switch (link._tag) {
    case "Idle":
    case "Closed":
      return null
    case "Waiting":
      return link.until
    case "Dialling":
    case "Greeting":
      return link.since + limits.deadMillis
    case "Streaming":
      return Streaming.wakeAt(link, limits)
  }
}

const unchanged = (state: DeliveryState): Step => ({ state, commands: [] })

const turn = (state: DeliveryState, taken: Streaming.Turn, at: Surroundings): Step => {
  if ("broken" in taken) return fail(state, taken.broken, at)
  const attempt = taken.progressed === true ? 0 : state.attempt
  return { state: { ...state, attempt, link: taken.link }, commands: taken.commands }
}

const dial = (state: DeliveryState, { now }: Surroundings): Step => {
  const connection = state.connection + 1
  return {
    state: { ...state, connection, link: { _tag: "Dialling", since: now } },
    commands: [{ _tag: "Dial", connection }],
  }
}

/** Gives the connection up and waits. */
const fail = (state: DeliveryState, problem: Problem, { now, random, limits }: Surroundings): Step => {
  const { link } = state
  if (link._tag !== "Dialling" && link._tag !== "Greeting" && link._tag !== "Streaming") return unchanged(state)
  const steady = link._tag === "Streaming" && now - link.welcomedAt >= limits.steadyMillis
  const attempt = steady ? 0 : state.attempt
  const delay = delayMillis(problem.code, attempt, random, limits.backoff)
  const refused = refusals.has(problem.code)
  return {
    state: { ...state, attempt: attempt + 1, problem, link: { _tag: "Waiting", until: now + delay, refused } },
    commands: [{ _tag: "HangUp" }],
  }
}

/** Asking again soon changes nothing about these. */
const refusals: ReadonlySet<ProblemCode> = new Set<ProblemCode>(["unauthorized", "unknown-version"])

const delayMillis = (code: ProblemCode, attempt: number, random: number, backoff: Backoff.Backoff): number => {
  if (refusals.has(code)) return backoff.maxMillis * (0.5 + random / 2)
  // Mostly it was a late word of this bridge's own former connection; but two bridges with one identity, which
  // both get on for a while each time, must not chase each other at full speed.
  if (code === "superseded") return backoff.baseMillis * 10 * (1 + random)
  return Backoff.delayMillis(backoff, attempt, random)
}

const received = (before: DeliveryState, frame: TelemetryFrame.TelemetryFrame | FrameError, at: Surroundings): Step => {
  const link: Link = before.link._tag === "Streaming" ? { ...before.link, heardAt: at.now } : before.link
  const state = { ...before, link }
  switch (frame._tag) {
    case "Welcome":
      if (link._tag !== "Greeting") break
      return turn({ ...state, problem: null }, Streaming.welcomed(frame, link.own, at.now, at.limits), at)
    case "Ack":
      if (link._tag !== "Streaming") break
      return turn(state, Streaming.acknowledged(link, frame, at.now, at.limits), at)
    case "Quarantined":
      if (link._tag !== "Streaming") break
      return turn(state, Streaming.quarantined(link, frame, at.now), at)
    case "Heartbeat":
      return frame.echo ? unchanged(state) : { state, commands: [{ _tag: "SendHeartbeat", echo: true }] }
    case "Problem":
      return fail(state, { code: frame.code, message: frame.message }, at)
    case "FrameError": {
      const code = frame.reason === "unknown-version" ? "unknown-version" : "protocol"
      return fail(state, { code, message: `The server sent what this bridge cannot read: ${frame.detail}.` }, at)
    }
    case "Hello":
    case "Chunk":
    case "Live":
      break
  }
  return fail(state, { code: "protocol", message: `The server sent ${frame._tag} where it must not.` }, at)
}

const tick = (state: DeliveryState, at: Surroundings): Step => {
  const { link } = state
  const { now, limits } = at
  switch (link._tag) {
    case "Idle":
    case "Closed":
      return unchanged(state)
    case "Waiting":
      return now >= link.until ? dial(state, at) : unchanged(state)
    case "Dialling":
    case "Greeting": {
      if (now < link.since + limits.deadMillis) return unchanged(state)
      const what = link._tag === "Dialling" ? "did not take the connection" : "did not answer the greeting"
      return fail(state, { code: "dead", message: `The server ${what} for ${limits.deadMillis / 1000} s.` }, at)
    }
    case "Streaming":
      return turn(state, Streaming.ticked(link, now, limits), at)
  }
}
