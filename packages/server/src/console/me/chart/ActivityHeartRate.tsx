/** Reads the heart rate of an activity, at a resolution that fits its length, and draws it. */
import type { Client, SeriesBuckets, Workout } from "@paceline/client-sdk"
import { useCallback, useEffect, useState } from "preact/hooks"
import { sentenceOf } from "../Failure.ts"
import { HeartRateChart } from "./HeartRateChart.tsx"
import { resolutionOf, runsOf, type Trace } from "./Trace.ts"

interface ActivityHeartRateProps {
  readonly client: Client
  readonly workout: Workout
  readonly maxHeartRateBpm: number
}

type Loaded =
  | { readonly _tag: "Loading" }
  | { readonly _tag: "Away"; readonly message: string }
  | { readonly _tag: "Ready"; readonly trace: Trace; readonly notes: ReadonlyArray<string> }

export const ActivityHeartRate = ({ client, maxHeartRateBpm, workout }: ActivityHeartRateProps) => {
  const [loaded, setLoaded] = useState<Loaded>({ _tag: "Loading" })
  const { athleteId, endedAtMs, recordedBy, startedAtMs } = workout
  const load = useCallback(async () => {
    setLoaded({ _tag: "Loading" })
    const resolution = resolutionOf(endedAtMs - startedAtMs)
    try {
      const answer = await client.series(athleteId).buckets({
        kind: "heartRate",
        from: startedAtMs,
        // The range ends before `to`, and the last sample belongs to the activity.
        to: endedAtMs + 1,
        resolution,
        // Of an activity that one sensor recorded it is that sensor's, whatever else was worn beside it.
        source: recordedBy === undefined ? "best" : "each",
      })
      const columns = columnsOf(answer, recordedBy)
      setLoaded({
        _tag: "Ready",
        trace: columns === undefined ? [] : runsOf(columns, resolution),
        notes: notesOf(answer),
      })
    } catch (error) {
      setLoaded({ _tag: "Away", message: sentenceOf(error) })
    }
  }, [client, athleteId, startedAtMs, endedAtMs, recordedBy])
  useEffect(() => void load(), [load])

  switch (loaded._tag) {
    case "Loading":
      return <p class="chart-none">Reading your heart rate.</p>
    case "Away":
      return (
        <div class="me-problem" role="alert">
          <p>Your heart rate could not be read. {loaded.message}</p>
          <button class="me-button me-button-quiet" type="button" onClick={() => void load()}>
            Try again
          </button>
        </div>
      )
    case "Ready":
      return (
        <div>
          <HeartRateChart
            trace={loaded.trace}
            fromMs={startedAtMs}
            toMs={endedAtMs}
            maxHeartRateBpm={maxHeartRateBpm}
          />
          {loaded.notes.map((note) => (
            <p key={note} class="chart-note">
              {note}
            </p>
          ))}
        </div>
      )
  }
}

/** The series of one sensor, or the first, which is the merged one. */
const columnsOf = (
  { series, sources }: SeriesBuckets,
  by: Workout["recordedBy"],
): SeriesBuckets["series"][number] | undefined => {
  if (by === undefined) return series[0]
  return series.find(({ source }) => {
    const sensor = source === null ? undefined : sources[source]
    return sensor?.deviceId === by.deviceId && sensor.sensor === by.sensor
  })
}

/** Why something may be missing: that it is lost is told from that it is not there yet. */
const notesOf = ({ computing, gaps }: SeriesBuckets): ReadonlyArray<string> => [
  ...(gaps.some(({ fromMs }) => fromMs !== null)
    ? ["Your device lost something of this time before it could send it. It will not come."]
    : []),
  ...(computing ? ["Older data is still being looked through: something may be missing that is not lost."] : []),
]
