/** One activity: a line with its figures; opened, its heart rate, its zones, and the recordings that it was merged from. */
import type { Client, Merge, Workout } from "@paceline/client-sdk"
import { useId, useState } from "preact/hooks"
import { timeOfDay } from "../parts/ClockFace.ts"
import * as Words from "./ActivityWords.ts"
import { ActivityHeartRate } from "./chart/ActivityHeartRate.tsx"
import { PartActivity } from "./PartActivity.tsx"
import { ZoneTimes } from "./ZoneTimes.tsx"

interface ActivityProps {
  readonly client: Client
  readonly workout: Workout
  /** Null when one source recorded it. */
  readonly merge: Merge | null
  readonly maxHeartRateBpm: number
  readonly onPart: (merge: Merge) => Promise<void>
}

export const Activity = ({ client, maxHeartRateBpm, merge, onPart, workout }: ActivityProps) => {
  const [isOpen, setOpen] = useState(false)
  const details = useId()
  const { effortPoints, endedAtMs, heartRateSamples, highestHeartRateBpm, meanHeartRateBpm, startedAtMs } = workout
  const day = Words.dayOf(startedAtMs, Date.now(), Words.localeOf(navigator.language))
  const sources = Words.sourcesOf(merge?.recordings ?? (workout.recordedBy === undefined ? [] : [workout.recordedBy]))
  return (
    <li class="activity">
      <button
        class="activity-line"
        type="button"
        aria-expanded={isOpen}
        aria-controls={details}
        onClick={() => setOpen(!isOpen)}
      >
        <span class="activity-when">
          <b>
            {day}, <time dateTime={new Date(startedAtMs).toISOString()}>{timeOfDay(startedAtMs)}</time>
          </b>
          {sources !== "" && <span class="activity-sources">{sources}</span>}
        </span>
        <span class="activity-figures">
          <Figure name="Time" value={Words.lengthOf(endedAtMs - startedAtMs)} />
          <Figure name="Mean" value={heartRateSamples === 0 ? "–" : String(Math.round(meanHeartRateBpm))} unit="bpm" />
          <Figure
            name="Max"
            value={heartRateSamples === 0 ? "–" : String(Math.round(highestHeartRateBpm))}
            unit="bpm"
          />
          <Figure name="Points" value={String(effortPoints)} />
        </span>
      </button>
      <div id={details} class="activity-details" hidden={!isOpen}>
        {isOpen && (
          <>
            <ActivityHeartRate client={client} workout={workout} maxHeartRateBpm={maxHeartRateBpm} />
            <ZoneTimes zoneMillis={workout.zoneMillis} />
            {merge !== null && <PartActivity merge={merge} onPart={() => onPart(merge)} />}
          </>
        )}
      </div>
    </li>
  )
}

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly unit?: string
}

const Figure = ({ name, unit, value }: FigureProps) => (
  <span class="activity-figure">
    <span>{name}</span>{" "}
    <b>
      {value}
      {unit !== undefined && value !== "–" && <small> {unit}</small>}
    </b>
  </span>
)
