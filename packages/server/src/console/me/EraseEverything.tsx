/**
 * Asks an athlete to erase themselves: says what goes and what stays, and wants their name typed, so that it never happens
 * by a slip. From the answer on, their key is worth nothing; a receipt tells how far it is (`Erasure.tsx`).
 */
import { type Client, type Profile, Unauthorized } from "@paceline/client-sdk"
import { useEffect, useRef, useState } from "preact/hooks"
import { sentenceOf } from "./Failure.ts"

interface EraseEverythingProps {
  readonly client: Client
  readonly profile: Profile
  /** The key is worth nothing any more. Without a receipt nothing can be followed: the answer that had it was lost. */
  readonly onErased: (receipt: string | null) => void
}

export const EraseEverything = (props: EraseEverythingProps) => {
  const [isAsking, setAsking] = useState(false)
  return (
    <div class="data-part">
      <h3>Erase it</h3>
      <p class="field-note">Your profile, activities, points, and every sample. It cannot be undone.</p>
      {isAsking ? (
        <AskToErase {...props} onKeep={() => setAsking(false)} />
      ) : (
        <button class="me-button me-button-quiet erase-open" type="button" onClick={() => setAsking(true)}>
          Erase everything about me…
        </button>
      )}
    </div>
  )
}

const AskToErase = ({ client, onErased, onKeep, profile }: EraseEverythingProps & { readonly onKeep: () => void }) => {
  const [typed, setTyped] = useState("")
  const [isErasing, setErasing] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  const isMeant = typed.trim() === profile.alias.trim()

  const erase = async (event: Event) => {
    event.preventDefault()
    if (!isMeant) return
    setErasing(true)
    setProblem(null)
    try {
      onErased((await client.privacy(profile.athleteId).erase()).receipt ?? null)
    } catch (error) {
      // The key was good when the page was opened: most likely an earlier try ended it, and its answer was lost.
      if (error instanceof Unauthorized) return onErased(null)
      setProblem(sentenceOf(error))
      setErasing(false)
    }
  }

  return (
    <form class="erase" onSubmit={(event) => void erase(event)}>
      <fieldset disabled={isErasing}>
        <h4 ref={heading} tabIndex={-1}>
          What will happen
        </h4>
        <ul>
          <li>Your name leaves the wall and every leaderboard at once, and your link stops working.</li>
          <li>Your profile, activities, points and all samples are erased, and overwritten on the disk.</li>
          <li>What your strap sends from then on belongs to nobody.</li>
          <li>Backups that the gym made before keep what they have, until they are replaced.</li>
        </ul>
        <div class="field">
          <label for="erase-alias">
            Type <b>{profile.alias}</b> to confirm
          </label>
          <input
            id="erase-alias"
            value={typed}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
        <div class="part-buttons">
          <button class="me-button erase-do" type="submit" disabled={!isMeant || isErasing}>
            {isErasing ? "Erasing…" : "Erase everything"}
          </button>
          <button class="me-button me-button-quiet" type="button" onClick={onKeep}>
            Keep it all
          </button>
        </div>
        {problem !== null && (
          <p class="me-problem" role="alert">
            It is not known to have begun. {problem}
          </p>
        )}
      </fieldset>
    </form>
  )
}
