/** Both values of each field that two devices changed, side by side, to choose from. */
import type { ProfileField } from "@paceline/client-sdk"
import { useEffect, useRef } from "preact/hooks"
import * as Conflict from "./ProfileConflict.ts"

interface ConflictChooserProps {
  readonly conflict: Conflict.ProfileConflict
  readonly isSaving: boolean
  readonly problem: string | null
  readonly onPick: (field: ProfileField, side: Conflict.Side) => void
  readonly onSave: () => void
}

export const ConflictChooser = ({ conflict, isSaving, onPick, onSave, problem }: ConflictChooserProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  // Whoever pressed "Save" is told what became of it, also without seeing the page change.
  useEffect(() => heading.current?.focus(), [])
  const isChosen = Conflict.resolved(conflict) !== null
  const submit = (event: Event) => {
    event.preventDefault()
    if (isChosen) onSave()
  }
  return (
    <form class="me-form" onSubmit={submit}>
      <fieldset class="me-card me-choose" disabled={isSaving}>
        <div class="me-choose-lead">
          <h2 ref={heading} tabIndex={-1}>
            Which one is right?
          </h2>
          <p>
            You also changed this on another device. Nothing is lost, and nothing is saved yet: keep what you chose
            here, or take what the other device says.
          </p>
        </div>
        {conflict.fields.map((field) => (
          <Choice key={field} field={field} conflict={conflict} onPick={onPick} />
        ))}
        <div class="me-save">
          <button class="me-button" type="submit" disabled={isSaving || !isChosen} aria-describedby="choose-note">
            {isSaving ? "Saving…" : "Save my choice"}
          </button>
          <p id="choose-note" role="status">
            {isChosen
              ? ""
              : conflict.fields.length === 1
                ? "Choose one of the two."
                : "Choose one of the two, each time."}
          </p>
        </div>
        {problem !== null && (
          <p class="me-problem" role="alert">
            {problem}
          </p>
        )}
      </fieldset>
    </form>
  )
}

interface ChoiceProps {
  readonly field: ProfileField
  readonly conflict: Conflict.ProfileConflict
  readonly onPick: ConflictChooserProps["onPick"]
}

const SIDES: ReadonlyArray<{ readonly side: Conflict.Side; readonly where: string }> = [
  { side: "mine", where: "Keep mine" },
  { side: "theirs", where: "Take the other" },
]

const Choice = ({ conflict, field, onPick }: ChoiceProps) => (
  <fieldset class="me-choice">
    <legend>{Conflict.nameOf(field)}</legend>
    <div class="me-choice-sides">
      {SIDES.map(({ side, where }) => (
        <label key={side} class="me-side">
          <input
            type="radio"
            name={`choose-${field}`}
            value={side}
            checked={conflict.picks[field] === side}
            onChange={() => onPick(field, side)}
          />
          <span class="me-side-where">{where}</span>
          <b class="me-side-value">{Conflict.inWords(field, conflict[side])}</b>
        </label>
      ))}
    </div>
  </fieldset>
)
