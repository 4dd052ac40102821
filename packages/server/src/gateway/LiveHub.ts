/**
 * The live channels of this process: contexts set values, watchers get frames.
 *
 * Changes are gathered for a frame interval (50 ms unless configured) and encoded once for everybody who watches.
 * Whoever joins gets a snapshot, or, with a position that is still known, only what they missed. Positions hold for
 * one run of the server: after a restart the epoch is another, and everyone starts again from a snapshot.
 *
 * Memory is bounded by the values that contexts set: an empty channel costs nothing until something is set in it.
 */
import { LiveChannels } from "@paceline/core/messaging"
import type { LiveFrame } from "@paceline/core/wire"
import { Context, Duration, Effect, Fiber, Layer, Runtime } from "effect"
import { LiveChannel } from "./LiveChannel.ts"

export class LiveHub extends Context.Tag("paceline/gateway/LiveHub")<
  LiveHub,
  {
    /**
     * The first frame for someone who begins to watch `channel` and stands at `after`. Every frame that is sent to
     * the channel from now on follows it without a gap.
     */
    readonly join: (channel: string, after: LiveFrame.Position | null) => Uint8Array<ArrayBuffer>
    /** Where frames go: called with each frame and its channel. Until there is someone, frames go nowhere. */
    readonly deliverTo: (deliver: (channel: string, frame: Uint8Array<ArrayBuffer>) => void) => void
  }
>() {}

const make = (options: { readonly frameMillis: number }) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const runtime = yield* Effect.runtime<never>()
    const epoch = crypto.randomUUID().slice(0, 13)
    const channels = new Map<string, LiveChannel>()
    const changed = new Set<LiveChannel>()
    let deliver: (channel: string, frame: Uint8Array<ArrayBuffer>) => void = () => {}
    let flushing: Fiber.RuntimeFiber<void> | null = null
    let nextFrameAt = 0

    const flush = (channel: LiveChannel) => {
      const frame = channel.takeChanges()
      if (frame !== null) deliver(channel.name, frame)
    }

    const flushAll = Effect.sync(() => {
      flushing = null
      nextFrameAt = clock.unsafeCurrentTimeMillis() + options.frameMillis
      for (const channel of changed) flush(channel)
      changed.clear()
    })

    /** The first change after a pause goes out once this turn of the event loop is over; those after it wait for their frame. */
    const touch = (channel: LiveChannel) => {
      changed.add(channel)
      if (flushing !== null) return
      const wait = Math.min(options.frameMillis, Math.max(0, nextFrameAt - clock.unsafeCurrentTimeMillis()))
      const pause = wait === 0 ? Effect.yieldNow() : Effect.sleep(Duration.millis(wait))
      flushing = Runtime.runFork(runtime)(Effect.zipRight(pause, flushAll))
    }
    yield* Effect.addFinalizer(() => (flushing === null ? Effect.void : Fiber.interrupt(flushing)))

    const channelNamed = (name: string): LiveChannel => {
      const known = channels.get(name)
      if (known !== undefined) return known
      const channel = new LiveChannel(name, epoch)
      channels.set(name, channel)
      return channel
    }

    const live = LiveChannels.of({
      open: channelNamed,
      set: (name, key, value) => {
        const channel = channelNamed(name)
        if (channel.set(key, value)) touch(channel)
      },
      remove: (name, key) => {
        const channel = channels.get(name)
        if (channel?.remove(key)) touch(channel)
      },
    })

    const hub = LiveHub.of({
      join: (name, after) => {
        const channel = channels.get(name)
        if (channel === undefined) return new LiveChannel(name, epoch).catchUp(after)
        flush(channel)
        return channel.catchUp(after)
      },
      deliverTo: (receiver) => {
        deliver = receiver
      },
    })

    return Context.make(LiveChannels, live).pipe(Context.add(LiveHub, hub))
  })

export const layer = (options: { readonly frameMillis: number }): Layer.Layer<LiveHub | LiveChannels> =>
  Layer.scopedContext(make(options))
