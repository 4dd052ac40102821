/** One clock for all that ticks on a page: whoever uses it is drawn again once a second, all in the same moment. */
import { useEffect, useState } from "preact/hooks"

const listeners = new Set<() => void>()
const clock: { timer: ReturnType<typeof setTimeout> | null } = { timer: null }

const nextSecond = (): ReturnType<typeof setTimeout> => setTimeout(tick, 1000 - (Date.now() % 1000))

const tick = (): void => {
  for (const listener of listeners) listener()
  clock.timer = listeners.size === 0 ? null : nextSecond()
}

/** The time now, in milliseconds since the epoch; new each second while `running`. */
export const useSeconds = (running = true): number => {
  const [, draw] = useState(0)
  useEffect(() => {
    if (!running) return
    const listener = () => draw((n) => n + 1)
    listeners.add(listener)
    clock.timer ??= nextSecond()
    return () => {
      listeners.delete(listener)
    }
  }, [running])
  return Date.now()
}
