/**
 * Everything that a client decides about its one connection and the channels on it: when to connect, what to
 * ask for, when to give a connection up, and what may truthfully be said of each channel.
 *
 * Pure: `step(state, input, now)` gives the next state and what to do; the shell in `Connection.ts` carries it
 * out. Connections are numbered, so that what a dead one still says changes nothing. `now` is milliseconds
 * since the epoch on the client's own clock, and only measures silence: it never orders anything.
 *
 * What it promises: a channel is `live` only while the connection is heard, the server has answered on it, and
 * all that the server spoke of has been applied. After any drop it comes back by itself and resumes from where
 * it stood.
 *
 * @example
 * const { state, outputs } = step(before, { _tag: "Opened", connection: 1 }, now)
 */
import { Backoff } from "@paceline/core/kernel"
import type { LiveFrame } from "@paceline/core/wire"
import * as Channel from "./Channel.ts"

/** All in milliseconds. */
export interface Limits {
  /** A connection from which nothing was heard for longer is given up. Servers speak at least every 2 s. */
  readonly silenceMillis: number
  /** A channel that is not caught up is asked for again, from the start, after this long. */
  readonly askAgainMillis: number
  /** A connection that held for longer has proved itself: the next failure is the first again. */
  readonly provenMillis: number
  readonly backoff: Backoff.Backoff
}

const standard: Limits = {
  silenceMillis: 6_000,
  askAgainMillis: 5_000,
  provenMillis: 10_000,
  backoff: Backoff.standard,
}

type Phase =
  /** Nothing is watched. */
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Connecting"; readonly connection: number; readonly sinceMs: number }
  | { readonly _tag: "Open"; readonly connection: number; readonly sinceMs: number; readonly heardAtMs: number }
  /** Between two attempts. */
  | { readonly _tag: "Waiting"; readonly sinceMs: number; readonly untilMs: number }

export interface State {
  readonly limits: Limits
  readonly phase: Phase
  /** How many connections were begun. */
  readonly connections: number
  /** Failures in a row. */
  readonly failures: number
  /** When the server was last heard, on any connection; null before it ever was. */
  readonly lastHeardAtMs: number | null
  readonly watched: ReadonlyMap<string, Watched>
  /** What the server or the bytes said was wrong with the connection as a whole, until it works again. */
  readonly problem: LiveFrame.Problem | null
}

interface Watched {
  readonly channel: Channel.Channel
  /** Since when the channel waits for the server: when it was asked for, or last came nearer to the head. */
  readonly waitingSinceMs: number
}

export type Input =
  | { readonly _tag: "Watch"; readonly channel: string }
  | { readonly _tag: "Unwatch"; readonly channel: string }
  | { readonly _tag: "Opened"; readonly connection: number }
  | { readonly _tag: "Received"; readonly connection: number; readonly frame: LiveFrame.LiveFrame }
  /** The bytes were no frame. What they said may be missing now, so the connection is begun anew. */
  | { readonly _tag: "Unreadable"; readonly connection: number; readonly problem: LiveFrame.Problem }
  | { readonly _tag: "Closed"; readonly connection: number }
  /** Time has passed. */
  | { readonly _tag: "Tick" }
  /** The page is looked at again after it slept: do not wait for a timer that a browser held back. */
  | { readonly _tag: "Woke" }
  /** The machine lost or changed its network: the old connection may be dead without a word. */
  | { readonly _tag: "NetworkChanged" }

export type Output =
  | { readonly _tag: "Connect"; readonly connection: number }
  | { readonly _tag: "Send"; readonly connection: number; readonly frame: LiveFrame.LiveFrame }
  | { readonly _tag: "Drop"; readonly connection: number }

export interface Step {
  readonly state: State
  readonly outputs: ReadonlyArray<Output>
}

/** What may be said of a channel: see README.md. */
export type Contact = "connecting" | "catching-up" | "live" | "lost"

export const initial = (limits: Limits = standard): State => ({
  limits,
  phase: { _tag: "Idle" },
  connections: 0,
  failures: 0,
  lastHeardAtMs: null,
  watched: new Map(),
  problem: null,
})

/** What is true of the channel at `now`, even when a timer that should have fired has not. */
export const contactOf = (state: State, channel: string, now: number): Contact => {
  const { phase } = state
  if (phase._tag !== "Open") return state.failures === 0 && state.lastHeardAtMs === null ? "connecting" : "lost"
  if (now - phase.heardAtMs > state.limits.silenceMillis) return "lost"
  const watched = state.watched.get(channel)
  return watched !== undefined && Channel.caughtUp(watched.channel) ? "live" : "catching-up"
}

/** When the next `Tick` is due, in milliseconds since the epoch; null when only an event can change anything. */
export const nextTickMs = ({ phase, limits, watched }: State): number | null => {
  switch (phase._tag) {
    case "Idle":
      return null
    case "Waiting":
      return phase.untilMs
    case "Connecting":
      return phase.sinceMs + limits.silenceMillis + 1
    case "Open": {
      const behind = [...watched.values()].filter(({ channel }) => !Channel.caughtUp(channel))
      const askAgain = behind.map(({ waitingSinceMs }) => waitingSinceMs + limits.askAgainMillis)
      return Math.min(phase.heardAtMs + limits.silenceMillis + 1, ...askAgain)
    }
  }
}

/**
 * @param random a number in [0, 1), drawn by the caller; spreads the attempts of many clients
 */
export const step = (before: State, input: Input, now: number, random: number): Step => {
  const state = rewound(before, now)
  const { phase } = state
  switch (input._tag) {
    case "Watch":
      return watch(state, input.channel, now)
    case "Unwatch":
      return unwatch(state, input.channel)
    case "Opened":
      if (phase._tag !== "Connecting" || phase.connection !== input.connection) return still(state)
      return opened(state, input.connection, now)
    case "Received":
      if (phase._tag !== "Open" || phase.connection !== input.connection) return still(state)
      return received(heard(state, phase, now), input.connection, input.frame, now)
    case "Unreadable":
      if (phase._tag !== "Open" || phase.connection !== input.connection) return still(state)
      return failed({ ...state, problem: input.problem }, now, random)
    case "Closed":
      if (connectionOf(phase) !== input.connection) return still(state)
      return failed(state, now, random)
    case "Tick":
      return tick(state, now, random)
    case "Woke":
      return phase._tag === "Waiting" ? connect(state, now) : tick(state, now, random)
    case "NetworkChanged": {
      if (phase._tag === "Idle") return still(state)
      const next = connect(state, now)
      return { state: next.state, outputs: [...dropped(phase), ...next.outputs] }
    }
  }
}

const still = (state: State): Step => ({ state, outputs: [] })

const connectionOf = (phase: Phase): number | null =>
  phase._tag === "Connecting" || phase._tag === "Open" ? phase.connection : null

const dropped = (phase: Phase): ReadonlyArray<Output> => {
  const connection = connectionOf(phase)
  return connection === null ? [] : [{ _tag: "Drop", connection }]
}

/** When the clock was set back, silence and waiting are measured anew from now. */
const rewound = (state: State, now: number): State => {
  const { phase, lastHeardAtMs } = state
  if (phase._tag === "Idle" || latest(phase) <= now) return state
  return {
    ...state,
    lastHeardAtMs: lastHeardAtMs === null ? null : Math.min(lastHeardAtMs, now),
    watched: new Map([...state.watched].map(([name, { channel }]) => [name, { channel, waitingSinceMs: now }])),
    phase:
      phase._tag === "Open"
        ? { ...phase, sinceMs: now, heardAtMs: now }
        : phase._tag === "Waiting"
          ? { ...phase, sinceMs: now, untilMs: now }
          : { ...phase, sinceMs: now },
  }
}

/** The latest moment that the phase has seen. */
const latest = (phase: Exclude<Phase, { _tag: "Idle" }>): number =>
  phase._tag === "Open" ? phase.heardAtMs : phase.sinceMs

const watch = (state: State, channel: string, now: number): Step => {
  if (state.watched.has(channel)) return still(state)
  const watched = new Map(state.watched).set(channel, { channel: Channel.empty, waitingSinceMs: now })
  const next = { ...state, watched }
  if (state.phase._tag === "Idle") return connect(next, now)
  if (state.phase._tag !== "Open") return still(next)
  const { connection } = state.phase
  return { state: next, outputs: [{ _tag: "Send", connection, frame: { _tag: "Subscribe", channel, after: null } }] }
}

const unwatch = (state: State, channel: string): Step => {
  if (!state.watched.has(channel)) return still(state)
  const watched = new Map(state.watched)
  watched.delete(channel)
  const { phase } = state
  if (watched.size === 0) {
    return { state: { ...initial(state.limits), connections: state.connections }, outputs: dropped(phase) }
  }
  const next = { ...state, watched }
  if (phase._tag !== "Open") return still(next)
  return {
    state: next,
    outputs: [{ _tag: "Send", connection: phase.connection, frame: { _tag: "Unsubscribe", channel } }],
  }
}

const connect = (state: State, now: number): Step => {
  const connection = state.connections + 1
  return {
    state: { ...state, connections: connection, phase: { _tag: "Connecting", connection, sinceMs: now } },
    outputs: [{ _tag: "Connect", connection }],
  }
}

const opened = (state: State, connection: number, now: number): Step => {
  const outputs: Array<Output> = []
  const watched = new Map<string, Watched>()
  for (const [name, { channel }] of state.watched) {
    watched.set(name, { channel: Channel.asked(channel), waitingSinceMs: now })
    outputs.push({ _tag: "Send", connection, frame: { _tag: "Subscribe", channel: name, after: channel.position } })
  }
  return { state: { ...state, watched, phase: { _tag: "Open", connection, sinceMs: now, heardAtMs: now } }, outputs }
}

const heard = (state: State, phase: Phase & { _tag: "Open" }, now: number): State => ({
  ...state,
  lastHeardAtMs: now,
  failures: now - phase.sinceMs > state.limits.provenMillis ? 0 : state.failures,
  phase: { ...phase, heardAtMs: now },
})

const received = (state: State, connection: number, frame: LiveFrame.LiveFrame, now: number): Step => {
  switch (frame._tag) {
    case "Heartbeat":
      if (frame.echo) return still(state)
      return { state, outputs: [{ _tag: "Send", connection, frame: { _tag: "Heartbeat", echo: true } }] }
    case "Subscribe":
    case "Unsubscribe":
      return still(state)
    case "Problem":
      if (frame.channel === null) return still({ ...state, problem: frame })
      return applied(state, connection, frame.channel, frame, now)
    case "Snapshot":
    case "Changes":
      return applied({ ...state, problem: null }, connection, frame.channel, frame, now)
  }
}

const applied = (
  state: State,
  connection: number,
  name: string,
  frame: LiveFrame.Snapshot | LiveFrame.Changes | LiveFrame.Problem,
  now: number,
): Step => {
  const before = state.watched.get(name)
  if (before === undefined) return still(state)
  const { channel, ask } = Channel.receive(before.channel, frame)
  const moved = channel.position !== before.channel.position || Channel.caughtUp(before.channel)
  // A problem is waited out: the time to ask again counts from when the server said so.
  const waitingSinceMs = ask || moved || frame._tag === "Problem" ? now : before.waitingSinceMs
  const next: State = { ...state, watched: new Map(state.watched).set(name, { channel, waitingSinceMs }) }
  if (!ask) return still(next)
  const subscribe = { _tag: "Subscribe", channel: name, after: channel.position } as const
  return { state: next, outputs: [{ _tag: "Send", connection, frame: subscribe }] }
}

const failed = (state: State, now: number, random: number): Step => {
  const untilMs = now + Backoff.delayMillis(state.limits.backoff, state.failures, random)
  return {
    state: { ...state, failures: state.failures + 1, phase: { _tag: "Waiting", sinceMs: now, untilMs } },
    outputs: dropped(state.phase),
  }
}

const tick = (state: State, now: number, random: number): Step => {
  const { phase, limits } = state
  switch (phase._tag) {
    case "Idle":
      return still(state)
    case "Waiting":
      return now >= phase.untilMs ? connect(state, now) : still(state)
    case "Connecting":
      return now - phase.sinceMs > limits.silenceMillis ? failed(state, now, random) : still(state)
    case "Open":
      if (now - phase.heardAtMs > limits.silenceMillis) return failed(state, now, random)
      return askAgain(state, phase.connection, now)
  }
}

/** What stayed behind for too long is asked for from the start: a snapshot mends whatever went wrong. */
const askAgain = (state: State, connection: number, now: number): Step => {
  const outputs: Array<Output> = []
  const watched = new Map(state.watched)
  for (const [name, { channel, waitingSinceMs }] of state.watched) {
    if (Channel.caughtUp(channel) || now - waitingSinceMs < state.limits.askAgainMillis) continue
    watched.set(name, { channel: Channel.asked(channel), waitingSinceMs: now })
    outputs.push({ _tag: "Send", connection, frame: { _tag: "Subscribe", channel: name, after: null } })
  }
  return outputs.length === 0 ? still(state) : { state: { ...state, watched }, outputs }
}
