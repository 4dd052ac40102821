/**
 * A class as the pages draw it: the newest view of the client, at most once an animation frame, however fast the
 * server speaks.
 */
import { type ClassView, createClient } from "@paceline/client-sdk"
import { useEffect, useState } from "preact/hooks"
import * as Silence from "./Silence.ts"

export interface LiveClass extends ClassView {
  /** Since when each athlete's reading has not changed, on this screen's clock. */
  readonly silence: Silence.Silence
}

const before: LiveClass = {
  state: "connecting",
  tiles: [],
  leaderboard: [],
  lastHeardAtMs: null,
  problem: null,
  silence: Silence.none,
}

export const useLiveClass = (classId: string): LiveClass => {
  const [shown, show] = useState(before)
  useEffect(() => {
    const client = createClient({ url: location.origin })
    let silence = Silence.none
    let newest = before
    let frame: number | null = null
    const stop = client.classes(classId).watch((view) => {
      silence = Silence.heard(silence, view.tiles, Date.now())
      newest = { ...view, silence }
      frame ??= requestAnimationFrame(() => {
        frame = null
        show(newest)
      })
    })
    return () => {
      if (frame !== null) cancelAnimationFrame(frame)
      stop()
      client.close()
    }
  }, [classId])
  return shown
}
