/**
 * What is true of the connection, in words. A screen reader hears each change once; the time that counts up beside
 * it is for the eye only.
 */
import type { ClassView } from "@paceline/client-sdk"
import { clockFace } from "./ClockFace.ts"
import { useSeconds } from "./Seconds.ts"

const words = {
  connecting: "Connecting",
  "catching-up": "Catching up",
  live: "Live",
  lost: "Lost contact",
} as const

type ConnectionStateProps = Pick<ClassView, "state" | "lastHeardAtMs">

export const ConnectionState = ({ state, lastHeardAtMs }: ConnectionStateProps) => (
  <p class="connection" data-state={state}>
    <i class="connection-sign" aria-hidden="true" />
    <span role="status" aria-live="polite">
      {words[state]}
    </span>
    {state === "lost" && lastHeardAtMs !== null && <Since atMs={lastHeardAtMs} />}
  </p>
)

const Since = ({ atMs }: { readonly atMs: number }) => {
  const now = useSeconds()
  return (
    <time class="connection-since" aria-hidden="true">
      {clockFace(now - atMs)}
    </time>
  )
}
