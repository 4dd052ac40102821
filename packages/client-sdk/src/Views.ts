/**
 * What a watcher is shown: a channel's typed values, or a whole class, each with the truth about how current it is.
 */
import type { Standing, Tile } from "@paceline/core/contract"
import type { LiveFrame } from "@paceline/core/wire"
import type { Sight } from "./Connection.ts"
import { bestFirst } from "./LiveValues.ts"
import type { Contact } from "./Subscription.ts"

/**
 * `connecting` before the first contact; `catching-up` while something is known to be missing; `live` when all
 * that the server told of is applied; `lost` when it was not heard for 6 s or the connection broke. In every
 * state the values are what was true at one moment on the server: the newest that the client knows of.
 */
export type ViewState = Contact

/** Why something is not served or not shown, in words that may be shown. */
export interface ViewProblem {
  /** `unknown-value`: the server sent values of a shape that this client does not know; they are left out. */
  readonly code: LiveFrame.ProblemCode | "unknown-value"
  readonly message: string
}

export interface ChannelView<T> {
  readonly state: ViewState
  /** In the order in which the keys first appeared. Unchanged values keep their identity from view to view. */
  readonly entries: ReadonlyMap<string, T>
  /** When the server was last heard, in milliseconds since the epoch on this machine's clock; null before. */
  readonly lastHeardAtMs: number | null
  readonly problem: ViewProblem | null
}

export interface ClassView {
  readonly state: ViewState
  /** In the order in which the athletes joined. Unchanged tiles keep their identity from view to view. */
  readonly tiles: ReadonlyArray<Tile>
  /** Best first; equal points stand in the order of athlete ids. */
  readonly leaderboard: ReadonlyArray<Standing>
  /** When the server was last heard, in milliseconds since the epoch on this machine's clock; null before. */
  readonly lastHeardAtMs: number | null
  readonly problem: ViewProblem | null
}

/** Makes views of a channel whose values `is` recognises. Reads the entries again only when they changed. */
export const channelReader = <T>(is: (value: unknown) => value is T): ((sight: Sight) => ChannelView<T>) => {
  let read: { readonly of: Sight["channel"]["entries"]; readonly entries: Map<string, T>; refused: number } | null =
    null
  return ({ contact, channel, lastHeardAtMs, problem }) => {
    if (read?.of !== channel.entries) {
      const entries = new Map<string, T>()
      for (const [key, value] of channel.entries) if (is(value)) entries.set(key, value)
      read = { of: channel.entries, entries, refused: channel.entries.size - entries.size }
    }
    return { state: contact, entries: read.entries, lastHeardAtMs, problem: problem ?? unknownValues(read.refused) }
  }
}

const unknownValues = (refused: number): ViewProblem | null =>
  refused === 0
    ? null
    : {
        code: "unknown-value",
        message: `The server sent ${refused} value${refused === 1 ? "" : "s"} of a shape that this client does not know. Is the client older than the server?`,
      }

export const classView = (tiles: ChannelView<Tile>, leaderboard: ChannelView<Standing>): ClassView => ({
  state: worse(tiles.state, leaderboard.state),
  tiles: [...tiles.entries.values()],
  leaderboard: [...leaderboard.entries.values()].sort(bestFirst),
  lastHeardAtMs: tiles.lastHeardAtMs,
  problem: tiles.problem ?? leaderboard.problem,
})

const fromWorst: ReadonlyArray<ViewState> = ["lost", "connecting", "catching-up", "live"]

const worse = (a: ViewState, b: ViewState): ViewState => (fromWorst.indexOf(a) < fromWorst.indexOf(b) ? a : b)
