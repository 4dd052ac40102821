/**
 * How far an athlete's erasure is, until it is complete. The key is gone; the receipt is in the address (`#receipt=…`), so
 * that the page can be opened again, and says nothing of who it was.
 */
import { createClient, type ErasureProgress, NotFound } from "@paceline/client-sdk"
import { useEffect, useRef, useState } from "preact/hooks"
import { timeOfDay } from "../parts/ClockFace.ts"
import { dayOf, localeOf } from "./ActivityWords.ts"
import { sentenceOf } from "./Failure.ts"

type Seen =
  | { readonly _tag: "Asking" }
  | { readonly _tag: "Known"; readonly progress: ErasureProgress; readonly problem: string | null }
  | { readonly _tag: "Unknown"; readonly message: string }

/** How often it is asked for. It takes a second or two, and longer on a large server. */
const ASK_MILLIS = 700

export const Erasure = ({ receipt }: { readonly receipt: string }) => {
  const seen = useProgress(receipt)
  if (seen._tag === "Asking") return <Told title="One moment">Asking how far your erasure is.</Told>
  if (seen._tag === "Unknown") return <Told title="Not known here">{seen.message}</Told>
  const { problem, progress } = seen
  if (progress.status === "complete") {
    return (
      <Told title="It is done">
        Everything about you is erased from this server
        {progress.completedAtMs === null ? "" : ` (${momentOf(progress.completedAtMs)})`}. Only backups that were made
        before still have it, until they are replaced: the gym can tell you when that is. You can close this page.
      </Told>
    )
  }
  return (
    <Told title="Erasing everything about you" isBusy>
      Your name and your link are gone already. It goes on by itself, whether this page is open or not. The server says:{" "}
      {progress.step}.{problem === null ? "" : ` (${problem})`}
    </Told>
  )
}

/** The key was refused when the erasure was asked for: most likely an earlier try was done, and its answer lost. */
export const ErasureUnseen = () => (
  <Told title="Your link has ended">
    Most likely your erasure has begun, and only the answer of the server was lost on its way. Then the rest goes on by
    itself. This page cannot show whether and when it is done: the gym can tell you.
  </Told>
)

const momentOf = (atMs: number): string =>
  `${dayOf(atMs, Date.now(), localeOf(navigator.language))}, ${timeOfDay(atMs)}`

const useProgress = (receipt: string): Seen => {
  const [seen, setSeen] = useState<Seen>({ _tag: "Asking" })
  useEffect(() => {
    const client = createClient({ url: location.origin })
    let timer: ReturnType<typeof setTimeout> | null = null
    let isGone = false
    const ask = async () => {
      const next = await asked(client.erasure(receipt))
      if (isGone) return
      setSeen((before) => after(before, next))
      const isOver = next instanceof NotFound || ("status" in next && next.status === "complete")
      if (!isOver) timer = setTimeout(() => void ask(), ASK_MILLIS)
    }
    void ask()
    return () => {
      isGone = true
      if (timer !== null) clearTimeout(timer)
      client.close()
    }
  }, [receipt])
  return seen
}

const asked = (answer: Promise<ErasureProgress>): Promise<ErasureProgress | Error> =>
  answer.catch((error: unknown) => (error instanceof Error ? error : new Error(sentenceOf(error))))

/** A server that does not answer changes nothing of what is known. */
const after = (before: Seen, next: ErasureProgress | Error): Seen => {
  if (next instanceof NotFound) {
    return { _tag: "Unknown", message: "There is no erasure with this receipt. The link may be cut short." }
  }
  if (next instanceof Error) return before._tag === "Known" ? { ...before, problem: next.message } : before
  return { _tag: "Known", progress: next, problem: null }
}

interface ToldProps {
  readonly title: string
  readonly isBusy?: boolean
  readonly children: preact.ComponentChildren
}

const Told = ({ children, isBusy = false, title }: ToldProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  // Also of a new title.
  useEffect(() => heading.current?.focus(), [title])
  return (
    <main class="me-main" aria-busy={isBusy}>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      <p class="me-lead" role="status">
        {children}
      </p>
      {isBusy && <div class="erase-busy" aria-hidden="true" />}
    </main>
  )
}
