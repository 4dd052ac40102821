/**
 * Reads TCX, Garmin's Training Center Database: all activities of the file, each a session, with their laps.
 *
 * Track points without a position, as indoors, are measurements like any other. Speed, power and a runner's cadence
 * are read from the ActivityExtension. Courses and workouts are plans and are left alone. Schemas:
 * garmin.com/xmlschemas/TrainingCenterDatabase/v2 and /ActivityExtension/v2.
 */
import type { Activity, FileUnreadable } from "./Activity.ts"
import { type Point, PointTracks } from "./PointTracks.ts"
import { attribute, child, children, descendant, text, type XmlElement } from "./XmlDocument.ts"
import { nameOf, numberOf, timeOf } from "./XmlValues.ts"

/** The activity under the root element `TrainingCenterDatabase`, or why there is none. */
export const readTcx = (database: XmlElement): Activity | FileUnreadable => {
  const tracks = new PointTracks()
  let creator: string | null = null
  for (const activity of activitiesOf(database)) {
    creator ??= nameOf(text(activity, "Creator", "Name"))
    const laps = children(activity, "Lap")
    tracks.addTrack(nameOf(attribute(activity, "Sport")), laps.flatMap(pointsOf))
    for (const lap of laps) {
      const startedAtMs = timeOf(attribute(lap, "StartTime"))
      const seconds = numberOf(text(lap, "TotalTimeSeconds"))
      if (startedAtMs !== undefined && seconds !== undefined) {
        tracks.addLap({ startedAtMs, endedAtMs: startedAtMs + Math.round(seconds * 1000) })
      }
    }
  }
  return tracks.activity("tcx", creator ?? nameOf(text(database, "Author", "Name")), NOTHING)
}

const NOTHING = "The file holds no track point. Courses and workouts are plans; choose the recording of an activity."

/** Also those of multisport sessions, which stand one level deeper. */
const activitiesOf = (database: XmlElement): ReadonlyArray<XmlElement> => {
  const all = child(database, "Activities")
  if (all === undefined) return []
  const multisport = children(all, "MultiSportSession").flatMap((session) =>
    [...children(session, "FirstSport"), ...children(session, "NextSport")].flatMap((sport) =>
      children(sport, "Activity"),
    ),
  )
  return [...children(all, "Activity"), ...multisport]
}

const pointsOf = (lap: XmlElement): ReadonlyArray<Point> =>
  children(lap, "Track").flatMap((track) => children(track, "Trackpoint").map(pointOf))

const pointOf = (point: XmlElement): Point => {
  const extensions = child(point, "Extensions")
  const extra = (name: string) => (extensions === undefined ? undefined : numberOf(descendant(extensions, name)))
  return {
    atMs: timeOf(text(point, "Time")),
    latitude: numberOf(text(point, "Position", "LatitudeDegrees")),
    longitude: numberOf(text(point, "Position", "LongitudeDegrees")),
    altitude: numberOf(text(point, "AltitudeMeters")),
    distance: numberOf(text(point, "DistanceMeters")),
    speed: extra("Speed"),
    heartRate: numberOf(text(point, "HeartRateBpm", "Value")),
    cadence: numberOf(text(point, "Cadence")) ?? extra("RunCadence"),
    power: extra("Watts"),
    temperature: undefined,
  }
}
