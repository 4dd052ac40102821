/**
 * Activities of an athlete, and which recordings of them are one.
 *
 * @example
 * const activities = client.activities("athlete-9c1hm3v8x2rd")
 * const [newest] = await activities.workouts()
 * if (newest?.mergedFrom !== undefined) await activities.part(newest.sessionId)
 */
import type { Merge, Workout } from "@paceline/core/contract"
import type { Http } from "./Http.ts"
import { isInteger, isListOf, isRecord, isString } from "./LiveValues.ts"

export interface ActivitiesClient {
  /** What counts, newest first. An activity that several sources recorded is one, with `mergedFrom`. @throws ApiError */
  readonly workouts: () => Promise<ReadonlyArray<Workout>>
  /** Activities that several sources recorded, newest first: which source gave what, and why. @throws ApiError */
  readonly merges: () => Promise<ReadonlyArray<Merge>>
  /** Says that these recordings, 2 to 20, are one activity. @throws ApiError */
  readonly merge: (sessionIds: ReadonlyArray<string>) => Promise<Merge>
  /** Takes a merge apart, for good; answers its recordings, which count by themselves. @throws ApiError */
  readonly part: (mergeId: string) => Promise<ReadonlyArray<Workout>>
}

export const activitiesOf = (http: Pick<Http, "get" | "post" | "delete">, athleteId: string): ActivitiesClient => {
  const path = `v1/athletes/${encodeURIComponent(athleteId)}`
  return {
    workouts: () => http.get(`${path}/workouts`, isListOf(isWorkout)),
    merges: () => http.get(`${path}/merges`, isListOf(isMerge)),
    merge: (sessions) => http.post(`${path}/merges`, { sessions }, isMerge),
    part: (mergeId) => http.delete(`${path}/merges/${encodeURIComponent(mergeId)}`, isListOf(isWorkout)),
  }
}

const isNumber = (value: unknown): boolean => typeof value === "number"

const ZONES = 6

/** What workouts and merges have alike. */
const hasFigures = (value: Record<string, unknown>): boolean =>
  isString(value["athleteId"]) &&
  isString(value["classId"]) &&
  isInteger(value["startedAtMs"]) &&
  isInteger(value["endedAtMs"]) &&
  Array.isArray(value["zoneMillis"]) &&
  value["zoneMillis"].length === ZONES &&
  value["zoneMillis"].every(isInteger) &&
  isInteger(value["effortPoints"]) &&
  isInteger(value["heartRateSamples"]) &&
  isNumber(value["meanHeartRateBpm"]) &&
  isNumber(value["highestHeartRateBpm"])

const isWorkout = (value: unknown): value is Workout =>
  isRecord(value) &&
  isString(value["sessionId"]) &&
  hasFigures(value) &&
  (value["recordedBy"] === undefined || isSensor(value["recordedBy"])) &&
  (value["mergedFrom"] === undefined || isListOf(isString)(value["mergedFrom"]))

const isSensor = (value: unknown): boolean =>
  isRecord(value) && isString(value["deviceId"]) && isString(value["sensor"]) && isString(value["source"])

const isRecording = (value: unknown): value is Merge["recordings"][number] =>
  isRecord(value) && isString(value["sessionId"]) && isString(value["source"]) && isInteger(value["effortPoints"])

const isMerge = (value: unknown): value is Merge =>
  isRecord(value) &&
  isString(value["mergeId"]) &&
  hasFigures(value) &&
  isListOf(isRecording)(value["recordings"]) &&
  Array.isArray(value["streams"]) &&
  Array.isArray(value["reasons"])
