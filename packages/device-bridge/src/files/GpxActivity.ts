/**
 * Reads GPX 1.0 and 1.1: the points of all tracks that carry a time, each track a session.
 *
 * Beside position, elevation and time it reads what programs put into `extensions`: Garmin's TrackPointExtension
 * (hr, cad, atemp, speed) and the several spellings of power, wherever in the extensions they stand. Waypoints and
 * routes are places and plans, not measurements, and are left alone. Schemas: topografix.com/GPX/1/0 and /1/1,
 * garmin.com/xmlschemas/TrackPointExtension/v1 and /v2.
 */
import type { Activity, FileUnreadable } from "./Activity.ts"
import { type Point, PointTracks } from "./PointTracks.ts"
import { attribute, child, children, descendant, text, type XmlElement } from "./XmlDocument.ts"
import { nameOf, numberOf, timeOf } from "./XmlValues.ts"

/** The activity under the root element `gpx`, or why there is none. */
export const readGpx = (gpx: XmlElement): Activity | FileUnreadable => {
  const tracks = new PointTracks()
  for (const track of children(gpx, "trk")) {
    tracks.addTrack(nameOf(text(track, "type")), pointsOf(track))
  }
  return tracks.activity("gpx", nameOf(attribute(gpx, "creator")), NOTHING)
}

const NOTHING =
  "The file holds no track. Waypoints and routes are places and plans; choose the recording of an activity."

function* pointsOf(track: XmlElement): Generator<Point> {
  for (const segment of children(track, "trkseg")) {
    for (const point of children(segment, "trkpt")) yield pointOf(point)
  }
}

const pointOf = (point: XmlElement): Point => {
  const extensions = child(point, "extensions")
  const extra = (...names: ReadonlyArray<string>): number | undefined => {
    if (extensions === undefined) return undefined
    for (const name of names) {
      const value = numberOf(descendant(extensions, name))
      if (value !== undefined) return value
    }
    return undefined
  }
  return {
    atMs: timeOf(text(point, "time")),
    latitude: numberOf(attribute(point, "lat")),
    longitude: numberOf(attribute(point, "lon")),
    altitude: numberOf(text(point, "ele")),
    distance: undefined,
    // GPX 1.0 has it beside the position, Garmin's second extension inside.
    speed: numberOf(text(point, "speed")) ?? extra("speed"),
    heartRate: extra("hr", "heartrate"),
    cadence: extra("cad", "cadence"),
    power: extra("power", "PowerInWatts", "watts"),
    temperature: extra("atemp", "temp"),
  }
}
