/**
 * Recognises the values of the live channels as they arrive. A client may be older than its server, so what
 * comes is checked, never believed: a value of another shape is left out and reported, not shown wrong.
 *
 * The shapes are those of `Tile` and `Standing` in the contract; a test holds both against its schemas.
 */
import type { Profile, ProfileChoices, ProfileField, Standing, Tile } from "@paceline/core/contract"

/** The name of the channel whose keys are athlete ids and whose values are tiles. */
export const tilesChannel = (classId: string): string => `classes/${classId}/tiles`

/** The name of the channel whose keys are athlete ids and whose values are standings. */
export const leaderboardChannel = (classId: string): string => `classes/${classId}/leaderboard`

export const isTile = (value: unknown): value is Tile =>
  isRecord(value) &&
  isId(value["athleteId"]) &&
  isString(value["alias"]) &&
  isNullOr(isInteger)(value["heartRateBpm"]) &&
  isNullOr(isInteger)(value["percentOfMax"]) &&
  isNullOr(isZone)(value["zone"]) &&
  isBoolean(value["heartRateVisible"]) &&
  isInteger(value["effortPoints"]) &&
  isContact(value["contact"]) &&
  isNullOr(isInteger)(value["sensedAtMs"])

export const isStanding = (value: unknown): value is Standing =>
  isRecord(value) &&
  isId(value["athleteId"]) &&
  isString(value["alias"]) &&
  isInteger(value["points"]) &&
  isInteger(value["workouts"])

export const isProfileChoices = (value: unknown): value is ProfileChoices =>
  isRecord(value) &&
  isString(value["alias"]) &&
  isBoolean(value["heartRateVisible"]) &&
  isInteger(value["maxHeartRateBpm"])

export const isProfile = (value: unknown): value is Profile =>
  isRecord(value) && isId(value["athleteId"]) && isInteger(value["version"]) && isProfileChoices(value)

export const isProfileField = (value: unknown): value is ProfileField =>
  value === "alias" || value === "heartRateVisible" || value === "maxHeartRateBpm"

export const isListOf =
  <T>(is: (value: unknown) => value is T) =>
  (value: unknown): value is ReadonlyArray<T> =>
    Array.isArray(value) && value.every(is)

/** Best first. Equal points stand in the order of their ids, so that nobody's place flickers. */
export const bestFirst = (a: Standing, b: Standing): number =>
  b.points - a.points || (a.athleteId < b.athleteId ? -1 : a.athleteId > b.athleteId ? 1 : 0)

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const isString = (value: unknown): value is string => typeof value === "string"

export const isInteger = (value: unknown): value is number => Number.isSafeInteger(value)

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean"

const isId = (value: unknown): boolean => isString(value) && /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(value)

const isZone = (value: unknown): boolean => isInteger(value) && value >= 0 && value <= 5

const isContact = (value: unknown): boolean =>
  value === "live" || value === "stale" || value === "lost" || value === "finished"

const isNullOr =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === null || is(value)
