/**
 * Keeps a sensor connected and its packets flowing into a peripheral, until it is stopped.
 *
 *     const kept = keepConnected(nobleLink(found), peripheral(bridge, { sensor: "strap-07" }))
 *     …
 *     await kept.stop()
 *
 * The link is tried for ever, with the waits of `ScanBackoff`: a strap that flaps is asked for less and less, one that
 * was connected for long is looked for at once when it goes. An attempt that hangs is given up after
 * `connectWithinMillis`. What a connection that was given up still says is not listened to.
 */
import { safely } from "../bridge/Listening.ts"
import { LONGEST_TIMER_MILLIS } from "../bridge/LongestTimer.ts"
import { CHARACTERISTICS } from "../gatt/index.ts"
import type { Peripheral } from "./Peripheral.ts"
import type { SensorLink } from "./Radio.ts"
import * as ScanBackoff from "./ScanBackoff.ts"

export interface KeepOptions {
  readonly settings?: ScanBackoff.Settings
  /** An attempt that takes longer has failed. Default 20,000. */
  readonly connectWithinMillis?: number
  /** Told at each change. */
  readonly onChange?: (status: KeepStatus) => void
  readonly timing?: Timing
}

/** The host's timers, clock and chance; a test brings its own. */
export interface Timing {
  /** Calls `wake` after so many milliseconds; gives back how to call that off. */
  readonly after: (millis: number, wake: () => void) => () => void
  /** A clock that never goes back, milliseconds. */
  readonly steadyMillis: () => number
  /** In [0, 1). */
  readonly random: () => number
}

export interface KeepStatus {
  readonly state: "connecting" | "connected" | "waiting" | "stopped"
  /** Connections that were made, and attempts that made none. */
  readonly connections: number
  readonly failedAttempts: number
  /** Until the next attempt, while waiting. */
  readonly waitMillis: number
  readonly lastProblem: string | null
}

export interface Kept {
  status(): KeepStatus
  /** Ends the connection and the attempts. Resolves when nothing more will be heard. */
  stop(): Promise<void>
}

const hostTiming: Timing = {
  after: (millis, wake) => {
    const timer = setTimeout(wake, Math.min(millis, LONGEST_TIMER_MILLIS))
    return () => clearTimeout(timer)
  },
  steadyMillis: () => performance.now(),
  random: () => Math.random(),
}

/** What a sensor is asked for: every characteristic that can be parsed. */
const UUIDS: ReadonlyArray<string> = Object.keys(CHARACTERISTICS).map((uuid) => uuid.toLowerCase())

export const keepConnected = (link: SensorLink, listener: Peripheral, options: KeepOptions = {}): Kept => {
  const { settings = ScanBackoff.standard, connectWithinMillis = 20_000, timing = hostTiming } = options
  const tell = safely(options.onChange ?? (() => {}))
  let backoff = ScanBackoff.initial
  let status: KeepStatus = { state: "waiting", connections: 0, failedAttempts: 0, waitMillis: 0, lastProblem: null }
  let wakeUp: () => void = () => {}
  const isStopped = (): boolean => status.state === "stopped"

  const change = (changed: Partial<KeepStatus>): void => {
    if (isStopped()) return
    status = { ...status, ...changed }
    tell(status)
  }

  /** Waits, or less when `stop` is called. */
  const pause = (millis: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = timing.after(millis, resolve)
      wakeUp = () => {
        cancel()
        resolve()
      }
    })

  /** One connection from the attempt to its end. Resolves to how long it lasted. Rejects when there was none. */
  const live = async (): Promise<number> => {
    let heard = true
    let connectedAt: number | undefined
    let gone: () => void = () => {}
    const ended = new Promise<void>((resolve) => {
      gone = resolve
    })
    let giveUp: () => void = () => {}
    const tooLong = new Promise<never>((_, reject) => {
      giveUp = timing.after(connectWithinMillis, () =>
        reject(new Error(`No connection within ${connectWithinMillis} ms.`)),
      )
    })
    const stopped = new Promise<void>((resolve) => {
      wakeUp = resolve
    })
    try {
      const connecting = link.connect(
        UUIDS,
        (uuid, bytes) => {
          if (heard) listener.notify(uuid, bytes)
        },
        gone,
      )
      // One that was given up and comes about after all must not stay open, unless the next attempt has it by now.
      connecting.then(
        () => {
          if (!heard && (status.state === "waiting" || isStopped())) link.disconnect()
        },
        () => {},
      )
      const early = ended.then(() => Promise.reject(new Error("The connection ended while it was being made.")))
      await Promise.race([connecting, tooLong, stopped, early])
      giveUp()
      if (isStopped()) return 0
      connectedAt = timing.steadyMillis()
      change({ state: "connected", connections: status.connections + 1, lastProblem: null })
      await Promise.race([ended, stopped])
      return timing.steadyMillis() - connectedAt
    } finally {
      giveUp()
      heard = false
      link.disconnect()
      listener.disconnected()
    }
  }

  const loop = async (): Promise<void> => {
    while (!isStopped()) {
      change({ state: "connecting", waitMillis: 0 })
      let next: ScanBackoff.Decision
      try {
        next = ScanBackoff.ended(settings, backoff, await live(), timing.random())
      } catch (thrown) {
        next = ScanBackoff.failed(settings, backoff, timing.random())
        const lastProblem = thrown instanceof Error ? thrown.message : String(thrown)
        change({ failedAttempts: status.failedAttempts + 1, lastProblem })
      }
      backoff = next.state
      if (isStopped()) return
      change({ state: "waiting", waitMillis: next.delayMillis })
      await pause(next.delayMillis)
    }
  }

  const running = loop()
  return {
    status: () => status,
    stop: async () => {
      change({ state: "stopped", waitMillis: 0 })
      wakeUp()
      await running
    },
  }
}
