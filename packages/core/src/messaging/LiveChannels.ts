/**
 * Where a context shows its newest state to those who watch: named channels of keyed values.
 *
 * Setting is synchronous and never fails; watchers get the last value of a key, at most some times a second.
 * Nothing here is durable: after a restart a context sets its channels again from its own state.
 */
import { Context } from "effect"

export class LiveChannels extends Context.Tag("@paceline/core/messaging/LiveChannels")<
  LiveChannels,
  {
    /** Makes the channel known, so that it can be watched before it has a value. */
    readonly open: (channel: string) => void
    /** `value` is plain JSON-like data. */
    readonly set: (channel: string, key: string, value: unknown) => void
    readonly remove: (channel: string, key: string) => void
  }
>() {}
