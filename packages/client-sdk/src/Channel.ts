/**
 * One live channel as the client holds it: keyed entries, and the position `(epoch, seq)` they stand at.
 *
 * Pure: a frame goes in, the next channel comes out, with a word on whether the server must be asked again.
 * What it promises: the entries are always exactly the server's at `position`, never a mixture of two moments;
 * and `caughtUp` is true only when the server has answered on this connection and nothing that it spoke of
 * since is missing.
 *
 * Frames may come twice, late or with others missing between them. A change is applied only when it reaches
 * back to where the entries stand; an epoch that was left behind never comes back, so its frames are ignored.
 *
 * @example
 * const { channel, ask } = receive(before, frame)
 * if (ask) send({ _tag: "Subscribe", channel: name, after: channel.position })
 */
import type { LiveFrame } from "@paceline/core/wire"

export interface Channel {
  /** Where the entries stand; null before the first snapshot, and after the server began a new epoch. */
  readonly position: LiveFrame.Position | null
  /** In the order in which the keys first appeared. */
  readonly entries: ReadonlyMap<string, unknown>
  /** The greatest sequence number of this epoch that the server spoke of. */
  readonly head: number
  /** Whether the server answered what was asked last. */
  readonly answered: boolean
  /** Epochs that are over. */
  readonly former: ReadonlyArray<string>
  /** Why the server does not serve the channel, if it said so. */
  readonly problem: LiveFrame.Problem | null
}

/** What a frame made of the channel. When `ask` is true, subscribe again from the channel's position. */
export interface Received {
  readonly channel: Channel
  readonly ask: boolean
}

export const empty: Channel = {
  position: null,
  entries: new Map(),
  head: 0,
  answered: false,
  former: [],
  problem: null,
}

/** Whether the entries are all that the server has told of, on the connection of now. */
export const caughtUp = (channel: Channel): boolean =>
  channel.answered && channel.position !== null && channel.position.seq >= channel.head

/** The channel when it was asked for again: what is known stays, but it is no longer known to be current. */
export const asked = (channel: Channel): Channel => (channel.answered ? { ...channel, answered: false } : channel)

export const receive = (
  channel: Channel,
  frame: LiveFrame.Snapshot | LiveFrame.Changes | LiveFrame.Problem,
): Received => {
  switch (frame._tag) {
    case "Snapshot":
      return receiveSnapshot(channel, frame)
    case "Changes":
      return receiveChanges(channel, frame)
    case "Problem":
      return { channel: { ...channel, answered: false, problem: frame }, ask: false }
  }
}

const receiveSnapshot = (channel: Channel, { at, entries }: LiveFrame.Snapshot): Received => {
  const { position } = channel
  if (channel.former.includes(at.epoch)) return { channel, ask: false }
  const sameEpoch = position?.epoch === at.epoch
  if (sameEpoch && at.seq < position.seq) return { channel, ask: false }
  return {
    channel: {
      position: at,
      entries: replaced(channel.entries, entries),
      head: sameEpoch ? Math.max(channel.head, at.seq) : at.seq,
      answered: true,
      former: sameEpoch ? channel.former : leave(channel),
      problem: null,
    },
    ask: false,
  }
}

const receiveChanges = (channel: Channel, frame: LiveFrame.Changes): Received => {
  const { position } = channel
  if (channel.former.includes(frame.epoch)) return { channel, ask: false }
  if (position === null) return { channel: asked(channel), ask: channel.answered }
  if (frame.epoch !== position.epoch) {
    return {
      channel: { ...channel, position: null, head: 0, answered: false, former: leave(channel) },
      ask: true,
    }
  }
  const head = Math.max(channel.head, frame.head, frame.to)
  if (frame.after > position.seq) return { channel: { ...asked(channel), head }, ask: channel.answered }
  if (frame.to <= position.seq) {
    const unchanged = channel.answered && head === channel.head && channel.problem === null
    return { channel: unchanged ? channel : { ...channel, head, answered: true, problem: null }, ask: false }
  }
  return {
    channel: {
      ...channel,
      position: { epoch: position.epoch, seq: frame.to },
      entries: changed(channel.entries, frame.entries),
      head,
      answered: true,
      problem: null,
    },
    ask: false,
  }
}

/** How many epochs are remembered as over. One a server restart: more than any delayed frame outlives. */
const FORMER_EPOCHS = 16

const leave = ({ position, former }: Channel): ReadonlyArray<string> =>
  position === null ? former : [...former, position.epoch].slice(-FORMER_EPOCHS)

const changed = (before: ReadonlyMap<string, unknown>, changes: ReadonlyArray<LiveFrame.Entry>) => {
  if (changes.length === 0) return before
  const after = new Map(before)
  for (const [key, value] of changes) {
    if (value === null) after.delete(key)
    else after.set(key, kept(before.get(key), value))
  }
  return after
}

/** All anew; but keys that were there keep their place, so that what is shown does not jump after a reconnect. */
const replaced = (before: ReadonlyMap<string, unknown>, all: ReadonlyArray<LiveFrame.Entry>) => {
  const now = new Map(all.filter(([, value]) => value !== null))
  const after = new Map<string, unknown>()
  for (const [key, value] of before) if (now.has(key)) after.set(key, kept(value, now.get(key)))
  for (const [key, value] of now) if (!after.has(key)) after.set(key, value)
  return after
}

/** The value held before when the new one says the same: whoever compares by identity sees no change. */
const kept = (before: unknown, now: unknown): unknown => (same(before, now) ? before : now)

const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = Object.entries(a)
  const right = new Map<string, unknown>(Object.entries(b))
  return left.length === right.size && left.every(([key, value]) => right.has(key) && same(value, right.get(key)))
}
