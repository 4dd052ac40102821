/** What an athlete has done, newest first. What several sources recorded counts once, says so, and can be parted. */
import type { Client, Merge, Workout } from "@paceline/client-sdk"
import { useCallback, useEffect, useState } from "preact/hooks"
import { Activity } from "./Activity.tsx"
import { sentenceOf } from "./Failure.ts"

interface ActivitiesProps {
  readonly client: Client
  readonly athleteId: string
  readonly maxHeartRateBpm: number
  /** Anything that changes when there is a new activity. */
  readonly news: unknown
}

interface Listed {
  readonly workouts: ReadonlyArray<Workout>
  readonly merges: ReadonlyMap<string, Merge>
}

/** So many are shown at first, and so many more each time. */
const PAGE = 10

export const Activities = ({ athleteId, client, maxHeartRateBpm, news }: ActivitiesProps) => {
  const [listed, setListed] = useState<Listed | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [shown, setShown] = useState(PAGE)
  const [parted, setParted] = useState<Merge | null>(null)

  const load = useCallback(async () => {
    try {
      setListed(await read(client, athleteId))
      setProblem(null)
    } catch (error) {
      setProblem(sentenceOf(error))
    }
  }, [client, athleteId])
  useEffect(() => void load(), [load, news])

  const part = async (merge: Merge) => {
    await client.activities(athleteId).part(merge.mergeId)
    await load()
    setParted(merge)
  }

  return (
    <section class="me-activities" aria-labelledby="activities">
      <h2 id="activities">Your activities</h2>
      {parted !== null && (
        <Parted
          key={parted.mergeId}
          merge={parted}
          client={client}
          onTogether={async () => {
            await load()
            setParted(null)
          }}
        />
      )}
      {problem !== null && (
        <div class="me-problem" role="alert">
          <p>Your activities could not be read. {problem}</p>
          <button class="me-button me-button-quiet" type="button" onClick={() => void load()}>
            Try again
          </button>
        </div>
      )}
      {listed === null
        ? problem === null && <p class="me-lead">Reading your activities.</p>
        : listed.workouts.length === 0 && (
            <p class="me-activities-none">None yet. An activity is here as soon as it has ended.</p>
          )}
      {listed !== null && listed.workouts.length > 0 && (
        <ol class="me-card activities">
          {listed.workouts.slice(0, shown).map((workout) => (
            <Activity
              key={workout.sessionId}
              client={client}
              workout={workout}
              merge={listed.merges.get(workout.sessionId) ?? null}
              maxHeartRateBpm={maxHeartRateBpm}
              onPart={part}
            />
          ))}
        </ol>
      )}
      {listed !== null && listed.workouts.length > shown && (
        <button class="me-button me-button-quiet" type="button" onClick={() => setShown(shown + PAGE)}>
          Show older ones ({listed.workouts.length - shown})
        </button>
      )}
    </section>
  )
}

const read = async (client: Client, athleteId: string): Promise<Listed> => {
  const activities = client.activities(athleteId)
  const [workouts, merges] = await Promise.all([activities.workouts(), activities.merges()])
  return { workouts, merges: new Map(merges.map((merge) => [merge.mergeId, merge])) }
}

interface PartedProps {
  readonly merge: Merge
  readonly client: Client
  readonly onTogether: () => Promise<void>
}

/** What was parted by mistake is put together again here. */
const Parted = ({ client, merge, onTogether }: PartedProps) => {
  const [problem, setProblem] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const together = async () => {
    setBusy(true)
    setProblem(null)
    try {
      await client.activities(merge.athleteId).merge(merge.recordings.map(({ sessionId }) => sessionId))
      await onTogether()
    } catch (error) {
      setProblem(sentenceOf(error))
      setBusy(false)
    }
  }
  return (
    <div class="me-card me-parted">
      <p role="status">Parted. Each recording counts by itself now.</p>
      <button class="me-button me-button-quiet" type="button" disabled={isBusy} onClick={() => void together()}>
        {isBusy ? "Putting together…" : "Put together again"}
      </button>
      {problem !== null && (
        <p class="me-problem" role="alert">
          They could not be put together. {problem}
        </p>
      )}
    </div>
  )
}
