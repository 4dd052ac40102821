/**
 * @paceline/client-sdk: watch a class live and change an athlete's profile, from a browser, Node or Bun.
 *
 * @example
 * import { createClient } from "@paceline/client-sdk"
 *
 * const client = createClient({ url: "http://127.0.0.1:8080" })
 * client.classes("main").watch(({ state, tiles }) => console.log(state, tiles.length))
 */
export type {
  Erasure,
  ErasureProgress,
  Merge,
  Profile,
  ProfileChoices,
  ProfileField,
  SeriesBuckets,
  SeriesList,
  SeriesSamples,
  Standing,
  Tile,
  Workout,
} from "@paceline/core/contract"
export type { ActivitiesClient } from "./Activities.ts"
export {
  type ApiError,
  Conflict,
  Forbidden,
  InvalidRequest,
  NotFound,
  TooManyRequests,
  Unauthorized,
  Unavailable,
  UnexpectedAnswer,
  Unreachable,
} from "./ApiError.ts"
export { type ClassClient, type Client, type ClientOptions, createClient } from "./Client.ts"
export type { Socket, SocketConstructor } from "./Connection.ts"
export type { Fetch } from "./Http.ts"
export type { PrivacyClient } from "./Privacy.ts"
export type { SeriesClient, SeriesRange } from "./Series.ts"
export type { ChannelView, ClassView, ViewProblem, ViewState } from "./Views.ts"
