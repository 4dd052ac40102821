/**
 * The client: live channels over one WebSocket, and the few HTTP calls that go with them.
 *
 * @example
 * const client = createClient({ url: "http://127.0.0.1:8080" })
 * const stop = client.classes("main").watch(({ state, tiles }) => {
 *   console.log(state, tiles.map((tile) => `${tile.alias} ${tile.heartRateBpm ?? "–"}`))
 * })
 */
import type { ErasureProgress, Profile, ProfileChoices, Standing, Tile } from "@paceline/core/contract"
import { type ActivitiesClient, activitiesOf } from "./Activities.ts"
import * as Connection from "./Connection.ts"
import * as Http from "./Http.ts"
import * as LiveValues from "./LiveValues.ts"
import { erasureOf, type PrivacyClient, privacyOf } from "./Privacy.ts"
import { type SeriesClient, seriesOf } from "./Series.ts"
import { type ChannelView, type ClassView, channelReader, classView } from "./Views.ts"

export interface ClientOptions {
  /** Where the server is, such as `http://127.0.0.1:8080` or `https://gym.example/paceline`. */
  readonly url: string
  /** An athlete's key, for the calls that need one. Watching needs none. */
  readonly key?: string
  /** Default: the platform's own. The `ws` package's fits too. */
  readonly WebSocket?: Connection.SocketConstructor
  /** Default: the platform's own. */
  readonly fetch?: Http.Fetch
  /** Milliseconds since the epoch. Only measures silence. */
  readonly now?: () => number
  /** A number in [0, 1). Spreads the attempts of many clients. */
  readonly random?: () => number
}

export interface Client {
  /**
   * Shows a channel now (in a microtask) and after each change. Returns what ends the watching.
   *
   * @param is recognises the values; what it refuses is left out, and the view says so in `problem`
   */
  readonly watch: <T>(
    channel: string,
    listener: (view: ChannelView<T>) => void,
    is: (value: unknown) => value is T,
  ) => () => void
  readonly classes: (classId: string) => ClassClient
  /** What was measured of an athlete: with their own key, or an admin's. */
  readonly series: (athleteId: string) => SeriesClient
  /** An athlete's activities, and which recordings are one: with their own key, or an admin's. */
  readonly activities: (athleteId: string) => ActivitiesClient
  /** An athlete's data, taken along or erased: with their own key, or an admin's. */
  readonly privacy: (athleteId: string) => PrivacyClient
  /** How far the erasure is whose first answer gave this receipt. Needs no key. @throws ApiError */
  readonly erasure: (receipt: string) => Promise<ErasureProgress>
  /** The athlete whose key the client has. */
  readonly me: {
    /** @throws ApiError */
    readonly get: () => Promise<Profile>
    /**
     * Changes some of the profile that was seen. What was changed elsewhere since, in other fields, is kept.
     *
     * @throws ApiError; `Conflict` when the same field was changed elsewhere to something else
     */
    readonly change: (seen: Profile, choices: Partial<ProfileChoices>) => Promise<Profile>
  }
  /** Ends all watching and closes the connection. */
  readonly close: () => void
}

export interface ClassClient {
  /** Shows the class now (in a microtask) and after each change. Returns what ends the watching. */
  readonly watch: (listener: (view: ClassView) => void) => () => void
  /** The leaderboard once, best first. @throws ApiError */
  readonly leaderboard: () => Promise<ReadonlyArray<Standing>>
}

export const createClient = (options: ClientOptions): Client => {
  const base = baseOf(options.url)
  const random = options.random ?? Math.random
  const fetch: Http.Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
  const http = Http.make({ base, key: options.key ?? null, fetch, random })
  const connection = Connection.open({
    url: liveUrlOf(base),
    WebSocket: options.WebSocket ?? platformWebSocket(),
    now: options.now ?? Date.now,
    random,
  })

  const watch: Client["watch"] = (channel, listener, is) => {
    const read = channelReader(is)
    return connection.watch(channel, (sight) => listener(read(sight)))
  }

  const watchClass = (classId: string, listener: (view: ClassView) => void): (() => void) => {
    let tiles: ChannelView<Tile> | null = null
    let leaderboard: ChannelView<Standing> | null = null
    let isTelling = false
    let isStopped = false
    /** After both channels were told, so that what happened to both at once is one view. */
    const tellSoon = () => {
      if (isTelling) return
      isTelling = true
      queueMicrotask(() => {
        isTelling = false
        if (!isStopped && tiles !== null && leaderboard !== null) listener(classView(tiles, leaderboard))
      })
    }
    const stopTiles = watch(
      LiveValues.tilesChannel(classId),
      (view) => {
        tiles = view
        tellSoon()
      },
      LiveValues.isTile,
    )
    const stopLeaderboard = watch(
      LiveValues.leaderboardChannel(classId),
      (view) => {
        leaderboard = view
        tellSoon()
      },
      LiveValues.isStanding,
    )
    return () => {
      isStopped = true
      stopTiles()
      stopLeaderboard()
    }
  }

  return {
    watch,
    classes: (classId) => ({
      watch: (listener) => watchClass(classId, listener),
      leaderboard: () =>
        http.get(`v1/classes/${encodeURIComponent(classId)}/leaderboard`, LiveValues.isListOf(LiveValues.isStanding)),
    }),
    series: (athleteId) => seriesOf(http, athleteId),
    activities: (athleteId) => activitiesOf(http, athleteId),
    privacy: (athleteId) => privacyOf(http, athleteId),
    erasure: (receipt) => erasureOf(http, receipt),
    me: {
      get: () => http.get("v1/me", LiveValues.isProfile),
      change: (seen, choices) => {
        const { version } = seen
        const body = { ...choicesOf({ ...seen, ...choices }), version, seen: choicesOf(seen) }
        return http.put("v1/me", body, LiveValues.isProfile)
      },
    },
    close: connection.close,
  }
}

const choicesOf = ({ alias, heartRateVisible, maxHeartRateBpm }: ProfileChoices): ProfileChoices => ({
  alias,
  heartRateVisible,
  maxHeartRateBpm,
})

/** The server's address as a folder, so that a server below a path is found too. */
const baseOf = (url: string): URL => {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new TypeError(
      `The url of a server starts with http:// or https://, such as http://127.0.0.1:8080; got "${url}".`,
    )
  }
  const base = new URL(url)
  base.search = ""
  base.hash = ""
  if (!base.pathname.endsWith("/")) base.pathname += "/"
  return base
}

const liveUrlOf = (base: URL): string => {
  const url = new URL("v1/live", base)
  url.protocol = base.protocol === "https:" ? "wss:" : "ws:"
  return url.href
}

const platformWebSocket = (): Connection.SocketConstructor => {
  if (typeof globalThis.WebSocket === "function") return globalThis.WebSocket
  throw new TypeError("This platform has no WebSocket of its own: pass one to createClient({ WebSocket }).")
}
