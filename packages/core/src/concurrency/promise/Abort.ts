/** How one who waits is told to stop waiting. */

export interface Abortable {
  /** Aborted while waiting: the promise is rejected with the signal's reason, and the task never runs. */
  readonly signal?: AbortSignal
  /**
   * Whether it is aborted, where asking for the signal would make one, as with a `Call` of a policy: then the signal
   * is asked for only if one has to wait. Left out, the signal says so.
   */
  readonly aborted?: boolean
}

export const isAborted = (asked: Abortable | undefined): boolean => asked?.aborted ?? asked?.signal?.aborted ?? false

/**
 * Waits for what tells its value through a callback, perhaps at once, and returns what takes the wish back. Aborted
 * before, it takes the wish back and rejects with the reason.
 */
export const untilTold = <A>(ask: (tell: (value: A) => void) => () => void, signal?: AbortSignal): Promise<A> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const leave = (): void => {
      forget()
      reject(signal?.reason)
    }
    let told = false
    const forget = ask((value) => {
      told = true
      signal?.removeEventListener("abort", leave)
      resolve(value)
    })
    if (!told) signal?.addEventListener("abort", leave, { once: true })
  })
