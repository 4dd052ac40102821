/**
 * A client's reducer, a server that remembers its whole history, and a link that misbehaves on order: what the
 * promises of `Subscription` are checked in. Time is a number; nothing here waits.
 */
import { LiveFrame } from "@paceline/core/wire"
import { expect } from "vitest"
import * as Subscription from "../src/Subscription.ts"

export const NAME = "classes/main/tiles"

export class World {
  /** Time as it truly passes, and the client's clock, which may jump. */
  elapsed = 0
  now = 1_000_000
  /** The one timer, as `Connection` keeps it: it runs in true time. */
  timer: { atMs: number; due: number } | null = null
  state = Subscription.initial()

  epoch = 0
  history: Array<Map<string, unknown>> = [new Map()]
  /** The channel at every position that ever was. */
  readonly past = new Map<string, Map<string, unknown>>([["e0/0", new Map()]])

  /** The link: null when there is none. `up` and `down` are frames on their way. */
  link: {
    connection: number
    sent: number | null
    up: Array<Uint8Array>
    down: Array<Uint8Array>
    mute: boolean
  } | null = null
  /** All frames delivered on this connection, and what they told. */
  delivered: Array<Uint8Array> = []
  told: { epoch: string; head: number } | null = null
  serverReachable = true
  #draw = 1

  constructor() {
    this.input({ _tag: "Watch", channel: NAME })
  }

  get head(): number {
    return this.history.length - 1
  }

  get current(): Map<string, unknown> {
    return this.history[this.head]!
  }

  get contact(): Subscription.Contact {
    return Subscription.contactOf(this.state, NAME, this.now)
  }

  get channel() {
    return this.state.watched.get(NAME)!.channel
  }

  input(input: Subscription.Input): void {
    this.#draw = (this.#draw * 48_271) % 2_147_483_647
    const { state, outputs } = Subscription.step(this.state, input, this.now, this.#draw / 2_147_483_647)
    this.state = state
    for (const output of outputs) {
      if (output._tag === "Connect") {
        this.link = { connection: output.connection, sent: null, up: [], down: [], mute: false }
        this.delivered = []
        this.told = null
      } else if (this.link?.connection === output.connection) {
        if (output._tag === "Drop") this.link = null
        else this.link.up.push(LiveFrame.encode(output.frame))
      }
    }
    const atMs = Subscription.nextTickMs(state)
    if (atMs === null || (this.timer !== null && this.timer.atMs > atMs)) this.timer = null
    if (atMs !== null) this.timer ??= { atMs, due: this.elapsed + Math.max(0, atMs - this.now) }
  }

  /** The pending attempt to connect succeeds or fails. */
  answerConnect(): void {
    const { phase } = this.state
    if (phase._tag !== "Connecting") return
    if (this.serverReachable) this.input({ _tag: "Opened", connection: phase.connection })
    else {
      this.link = null
      this.input({ _tag: "Closed", connection: phase.connection })
    }
  }

  change(key: string, value: unknown): void {
    const next = new Map(this.current)
    if (value === null) next.delete(key)
    else next.set(key, value)
    this.history.push(next)
    this.past.set(`e${this.epoch}/${this.head}`, next)
  }

  /** The channel begins anew, as after a restart. With `cut`, connections are gone too. */
  newEpoch(cut: boolean): void {
    this.epoch += 1
    this.history = [new Map(this.current)]
    this.past.set(`e${this.epoch}/0`, this.current)
    if (!cut) {
      // A server that re-makes a channel while it is watched goes on sending from the new epoch's start.
      if (this.link !== null && this.link.sent !== null) this.link.sent = 0
      return
    }
    this.cut()
  }

  cut(): void {
    const { link } = this
    this.link = null
    if (link !== null) this.input({ _tag: "Closed", connection: link.connection })
  }

  /** The server reads what the client sent. */
  serve(): void {
    const { link } = this
    if (link === null || link.mute || this.state.phase._tag !== "Open") return
    for (const bytes of link.up.splice(0)) {
      const frame = LiveFrame.decode(bytes)
      if (frame._tag !== "Subscribe") continue
      const resumes =
        frame.after?.epoch === `e${this.epoch}` && frame.after.seq <= this.head && this.head - frame.after.seq <= 8
      if (resumes && frame.after !== null) {
        link.down.push(this.#changes(frame.after.seq, this.head))
      } else {
        const at = { epoch: `e${this.epoch}`, seq: this.head }
        link.down.push(LiveFrame.encode({ _tag: "Snapshot", channel: frame.channel, at, entries: [...this.current] }))
      }
      link.sent = this.head
    }
  }

  /** The server sends what is new, up to `most` positions at once. */
  flush(most: number): void {
    const { link } = this
    if (link === null || link.sent === null) return
    const to = Math.min(this.head, link.sent + most)
    link.down.push(
      to === link.sent ? LiveFrame.encode({ _tag: "Heartbeat", echo: false }) : this.#changes(link.sent, to),
    )
    link.sent = to
  }

  #changes(after: number, to: number): Uint8Array {
    const was = this.history[after]!
    const is = this.history[to]!
    const keys = new Set([...was.keys(), ...is.keys()])
    const entries = [...keys]
      .filter((key) => was.get(key) !== is.get(key))
      .map((key) => [key, is.get(key) ?? null] as const)
    return LiveFrame.encode({
      _tag: "Changes",
      channel: NAME,
      epoch: `e${this.epoch}`,
      after,
      to,
      head: this.head,
      entries,
    })
  }

  deliver(): void {
    const { link } = this
    if (link === null || link.mute || this.state.phase._tag !== "Open") return
    const bytes = link.down.shift()
    if (bytes !== undefined) this.#hear(link.connection, bytes)
  }

  /** A frame of this connection comes once more. */
  repeat(pick: number): void {
    const bytes = this.delivered[pick % Math.max(1, this.delivered.length)]
    if (this.link === null || this.link.mute || bytes === undefined) return
    this.#hear(this.link.connection, bytes)
  }

  lose(): void {
    this.link?.down.shift()
  }

  #hear(connection: number, bytes: Uint8Array): void {
    this.delivered.push(bytes)
    const frame = LiveFrame.decode(bytes)
    if (frame._tag === "FrameError") throw new Error(frame.detail)
    const at =
      frame._tag === "Snapshot"
        ? { epoch: frame.at.epoch, head: frame.at.seq }
        : frame._tag === "Changes"
          ? frame
          : null
    if (at !== null && (this.told === null || number(at.epoch) > number(this.told.epoch))) {
      this.told = { epoch: at.epoch, head: at.head }
    } else if (at !== null && this.told !== null && at.epoch === this.told.epoch) {
      this.told.head = Math.max(this.told.head, at.head)
    }
    this.input({ _tag: "Received", connection, frame })
  }

  pass(millis: number): void {
    this.elapsed += millis
    this.now += millis
    if (this.timer === null || this.timer.due > this.elapsed) return
    this.timer = null
    this.input({ _tag: "Tick" })
  }

  /** What must hold at every moment. */
  check(): void {
    const { position, entries } = this.channel
    if (position !== null) {
      // Never a mixture: the entries are the server's at the position that the client claims.
      expect(new Map(entries)).toEqual(this.past.get(`${position.epoch}/${position.seq}`))
    }
    if (this.contact === "live") {
      expect(this.told).not.toBeNull()
      expect(position).toEqual({ epoch: this.told!.epoch, seq: this.told!.head })
    }
  }
}

const number = (epoch: string) => Number(epoch.slice(1))

/** The world behaves from here on: one server, no losses, a heartbeat a second, for a minute. */
export const settle = (world: World): void => {
  world.serverReachable = true
  for (let second = 0; second < 60; second++) {
    world.answerConnect()
    world.serve()
    world.flush(100)
    for (let i = 0; i < 50; i++) world.deliver()
    world.pass(1_000)
  }
}

/** Brings a fresh world to `live`. */
export const joined = (entries: Record<string, unknown> = { ann: 1 }): World => {
  const world = new World()
  for (const [key, value] of Object.entries(entries)) world.change(key, value)
  world.answerConnect()
  world.serve()
  world.deliver()
  return world
}
