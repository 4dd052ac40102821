/**
 * A whole Paceline server on a store: the contexts, joined by their ports and the log, behind one door.
 *
 * @example
 * Gateway.layer({ host: "127.0.0.1", port: 0, … }).pipe(Layer.provide(SqliteStore.layer({ folder })))
 */
import { type HeartRateReading, HeartRates, PersonalData } from "@paceline/core/contract"
import { type Contact, SourceRank } from "@paceline/core/kernel"
import { Broadcast } from "@paceline/core/messaging"
import { RateLimiter, RateLimitStore } from "@paceline/core/resilience"
import { Effect, Layer } from "effect"
import * as DevicesData from "../contexts/devices/PersonalData.ts"
import * as QuarantineReplay from "../contexts/devices/quarantine/Reactions.ts"
import { Devices } from "../contexts/devices/Service.ts"
import { SeriesProjection } from "../contexts/devices/series/Projection.ts"
import * as SeriesReactions from "../contexts/devices/series/Reactions.ts"
import { Series, SeriesRanking } from "../contexts/devices/series/Service.ts"
import * as GamificationData from "../contexts/gamification/PersonalData.ts"
import * as GamificationReactions from "../contexts/gamification/Reactions.ts"
import { Gamification } from "../contexts/gamification/Service.ts"
import * as IdentityData from "../contexts/identity/PersonalData.ts"
import { Keys } from "../contexts/identity/Service.ts"
import * as PeopleData from "../contexts/people/PersonalData.ts"
import { People } from "../contexts/people/Service.ts"
import { Erasing } from "../contexts/privacy/Erasing.ts"
import { Exporting } from "../contexts/privacy/Exporting.ts"
import * as PrivacyReactions from "../contexts/privacy/Reactions.ts"
import * as ErasureRepository from "../contexts/privacy/Repository.ts"
import { Merging } from "../contexts/training/Merging.ts"
import * as TrainingData from "../contexts/training/PersonalData.ts"
import * as TrainingReactions from "../contexts/training/Reactions.ts"
import { SilentSessions, Training } from "../contexts/training/Service.ts"
import { Wall, WallOptions } from "../contexts/training/Wall.ts"
import { Health, StalledAfter } from "../observability/Health.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as Api from "./Api.ts"
import * as Compartments from "./Compartments.ts"
import * as DoorLimits from "./DoorLimits.ts"
import * as LiveDoor from "./LiveDoor.ts"
import * as LiveHub from "./LiveHub.ts"
import * as Load from "./Load.ts"
import * as Schedules from "./operations/Schedules.ts"
import * as Reception from "./Reception.ts"
import * as Server from "./Server.ts"
import * as TelemetryDoor from "./TelemetryDoor.ts"

/** What can be set about the contexts. */
export interface ContextOptions {
  /** Changes of a live channel are gathered for so long, milliseconds. */
  readonly frameMillis: number
  readonly contact: Contact.ContactLimits
  /** A finished tile goes after so long, milliseconds. */
  readonly tileLingerMillis: number
  /** After so long without a word of an athlete their session ends, milliseconds. */
  readonly silentSessionMillis: number
  /** Which source of a series to believe, where several measured the same; the field's order if not given. */
  readonly sourceRanking?: SourceRank.Ranking
}

interface HealthOptions {
  /** A consumer group that has records to read and has stood for so long makes the server not ready, milliseconds. */
  readonly stalledAfterMillis: number
}

export type GatewayOptions = Server.ServerOptions &
  ContextOptions &
  HealthOptions &
  TelemetryDoor.TelemetryDoorOptions &
  DoorLimits.DoorLimitsOptions &
  Load.LoadOptions &
  Compartments.CompartmentsOptions

const heartRates = Layer.sync(HeartRates, () => Broadcast.make<HeartRateReading>())

/** All that is kept of athletes, context by context. */
const personalData = Layer.effect(
  PersonalData,
  Effect.all([
    IdentityData.section,
    PeopleData.section,
    DevicesData.section,
    TrainingData.section,
    GamificationData.section,
  ]),
)

/** The contexts and what they do by themselves, joined by their ports and the log. */
export const contexts = (options: ContextOptions) => {
  const settings = Layer.mergeAll(
    Layer.succeed(WallOptions, { contact: options.contact, lingerMillis: options.tileLingerMillis }),
    Layer.succeed(SeriesRanking, options.sourceRanking ?? SourceRank.standard),
    Layer.succeed(SilentSessions, { endAfterMillis: options.silentSessionMillis }),
  )
  return Layer.mergeAll(
    TrainingReactions.layer,
    GamificationReactions.layer,
    SeriesReactions.layer,
    QuarantineReplay.layer,
    PrivacyReactions.layer,
  ).pipe(
    Layer.provideMerge(Layer.mergeAll(Erasing.Default, Exporting.Default)),
    Layer.provideMerge(personalData),
    Layer.provideMerge(
      Layer.mergeAll(
        Devices.Default,
        Series.Default,
        SeriesProjection.Default,
        Training.Default,
        Merging.Default,
        Gamification.Default,
      ),
    ),
    Layer.provideMerge(Layer.merge(Wall.Default, ErasureRepository.erasedAthletes)),
    Layer.provideMerge(People.layer),
    Layer.provideMerge(Keys.layer),
    Layer.provideMerge(heartRates),
    Layer.provideMerge(LiveHub.layer({ frameMillis: options.frameMillis })),
    Layer.provide(settings),
  )
}

/**
 * What keeps one part of the server from another's load. One process limits by its own memory: a request costs a
 * microsecond or two then, and what a restart forgets is a minute's counts.
 */
export const protection = (
  options: DoorLimits.DoorLimitsOptions & Compartments.CompartmentsOptions & Load.LoadOptions,
) =>
  Layer.merge(
    Load.layer(options).pipe(Layer.provideMerge(Compartments.layer(options))),
    DoorLimits.layer(options).pipe(Layer.provide(RateLimiter.layer), Layer.provide(RateLimitStore.layerMemory())),
  )

export const layer = (options: GatewayOptions) =>
  Server.layer(options).pipe(
    Layer.provide(Layer.mergeAll(Reception.layer, LiveDoor.layer, TelemetryDoor.layer(options))),
    Layer.provide(Layer.merge(Api.layer, Metrics.Default)),
    Layer.provide(Health.Default),
    Layer.provide(Layer.succeed(StalledAfter, { millis: options.stalledAfterMillis })),
    Layer.provideMerge(Layer.mergeAll(protection(options), contexts(options), Schedules.layer)),
  )
