/** Which recordings an activity was merged from, and a way to take it apart, asked for once more before it is done. */
import type { Merge } from "@paceline/client-sdk"
import { useEffect, useRef, useState } from "preact/hooks"
import { timeOfDay } from "../parts/ClockFace.ts"
import * as Words from "./ActivityWords.ts"
import { sentenceOf } from "./Failure.ts"

interface PartActivityProps {
  readonly merge: Merge
  readonly onPart: () => Promise<void>
}

type Phase = "merged" | "asking" | "parting"

export const PartActivity = ({ merge, onPart }: PartActivityProps) => {
  const [phase, setPhase] = useState<Phase>("merged")
  const [problem, setProblem] = useState<string | null>(null)
  const part = async () => {
    setPhase("parting")
    setProblem(null)
    try {
      await onPart()
    } catch (error) {
      setProblem(sentenceOf(error))
      setPhase("asking")
    }
  }
  const count = Words.numberOf(merge.recordings.length)
  return (
    <div class="part">
      <p>One activity, {count} recordings. It counts once: by the first of these, whose gaps the others fill.</p>
      <ul class="part-recordings">
        {merge.recordings.map(({ effortPoints, endedAtMs, sensor, sessionId, source, startedAtMs }) => (
          <li key={sessionId}>
            <b>{Words.sourceWord(source)}</b>
            {sensor !== null && sensor !== source && <span class="part-sensor"> {sensor}</span>}
            <span>
              {timeOfDay(startedAtMs)}–{timeOfDay(endedAtMs)}, {Words.pointsOf(effortPoints)} by itself
            </span>
          </li>
        ))}
      </ul>
      {phase === "merged" ? (
        <button class="me-button me-button-quiet" type="button" onClick={() => setPhase("asking")}>
          These are different activities
        </button>
      ) : (
        <AskToPart
          count={count}
          isParting={phase === "parting"}
          problem={problem}
          onPart={() => void part()}
          onKeep={() => {
            setProblem(null)
            setPhase("merged")
          }}
        />
      )}
    </div>
  )
}

interface AskToPartProps {
  readonly count: string
  readonly isParting: boolean
  readonly problem: string | null
  readonly onPart: () => void
  readonly onKeep: () => void
}

const AskToPart = ({ count, isParting, onKeep, onPart, problem }: AskToPartProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <fieldset class="part-ask" disabled={isParting}>
      <h3 ref={heading} tabIndex={-1}>
        Part this activity?
      </h3>
      <p>
        It becomes {count}, and each counts by itself, with its own points. They are not merged again, unless you put
        them together yourself.
      </p>
      <div class="part-buttons">
        <button class="me-button" type="button" onClick={onPart}>
          {isParting ? "Parting…" : "Part them"}
        </button>
        <button class="me-button me-button-quiet" type="button" onClick={onKeep}>
          Keep as one
        </button>
      </div>
      {problem !== null && (
        <p class="me-problem" role="alert">
          It could not be parted. {problem}
        </p>
      )}
    </fieldset>
  )
}
