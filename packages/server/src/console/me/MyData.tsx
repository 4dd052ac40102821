/** An athlete's data: to be taken along as a file, or to be erased. */
import type { Client, Profile } from "@paceline/client-sdk"
import { useEffect, useRef, useState } from "preact/hooks"
import { EraseEverything } from "./EraseEverything.tsx"
import { sentenceOf } from "./Failure.ts"
import { megabytesOf } from "./Megabytes.ts"

interface MyDataProps {
  readonly client: Client
  readonly profile: Profile
  readonly onErased: (receipt: string | null) => void
}

export const MyData = ({ client, onErased, profile }: MyDataProps) => (
  <section class="me-data" aria-labelledby="data">
    <h2 id="data">Your data</h2>
    <div class="me-card">
      <Download client={client} athleteId={profile.athleteId} />
      <EraseEverything client={client} profile={profile} onErased={onErased} />
    </div>
  </section>
)

type Phase =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Running"; readonly bytes: number }
  | { readonly _tag: "Done"; readonly bytes: number }
  | { readonly _tag: "Failed"; readonly message: string }

const Download = ({ athleteId, client }: { readonly athleteId: string; readonly client: Client }) => {
  const [phase, setPhase] = useState<Phase>({ _tag: "Idle" })
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])

  const download = async () => {
    const abort = new AbortController()
    running.current = abort
    setPhase({ _tag: "Running", bytes: 0 })
    try {
      const pieces: Array<BlobPart> = []
      let bytes = 0
      for await (const piece of client.privacy(athleteId).export(abort.signal)) {
        pieces.push(new Uint8Array(piece))
        bytes += piece.byteLength
        setPhase({ _tag: "Running", bytes })
      }
      save(new Blob(pieces, { type: "application/x-ndjson" }), fileName())
      setPhase({ _tag: "Done", bytes })
    } catch (error) {
      setPhase(abort.signal.aborted ? { _tag: "Idle" } : { _tag: "Failed", message: sentenceOf(error) })
    }
  }

  const isRunning = phase._tag === "Running"
  return (
    <div class="data-part">
      <h3>Take it along</h3>
      <p class="field-note">
        All that is kept of you, every sample of your sensors too, in one file that programs can read.
      </p>
      <div class="part-buttons">
        <button class="me-button me-button-quiet" type="button" disabled={isRunning} onClick={() => void download()}>
          {isRunning ? `Downloading… ${megabytesOf(phase.bytes)}` : "Download my data"}
        </button>
        {isRunning && (
          <button class="me-button me-button-quiet" type="button" onClick={() => running.current?.abort()}>
            Stop
          </button>
        )}
      </div>
      <p class="field-note" role="status">
        {phase._tag === "Done" && `Downloaded, all of it: ${megabytesOf(phase.bytes)}.`}
      </p>
      {phase._tag === "Failed" && (
        <p class="me-problem" role="alert">
          Nothing was saved. {phase.message}
        </p>
      )}
    </div>
  )
}

const fileName = (): string => `paceline-my-data-${new Date().toISOString().slice(0, 10)}.ndjson`

/** How long a browser may take to begin with the file, after which its memory is let go. */
const LET_GO_MILLIS = 60_000

const save = (file: Blob, name: string): void => {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), LET_GO_MILLIS)
}
