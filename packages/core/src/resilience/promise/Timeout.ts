/**
 * The timeout for promises: twice the measured p95 of such calls, within bounds.
 *
 * A late call is told to stop through its signal, and `TimeoutExceeded` comes at once; so does the reason when the
 * caller cancels. A promise cannot be made to end, so an operation that does not heed its signal goes on, unheard.
 *
 * @example
 * const timeout = adaptiveTimeout({ maxMillis: 3_000 })
 * await timeout.execute((call) => fetch(url, { signal: call.signal }))
 */
import * as Kernel from "../../kernel/resilience/AdaptiveTimeout.ts"
import { TimeoutExceeded } from "../Errors.ts"
import * as HostTimers from "../HostTimers.ts"
import { Call, isPromiseLike, type Operation, type Parent } from "./Call.ts"

export interface PromiseTimeout {
  readonly execute: <A>(operation: Operation<A>, parent?: Parent) => Promise<A>
  /** What a call that starts now would be given, in milliseconds. */
  readonly timeoutMillis: () => number
}

export const adaptiveTimeout = (settings?: Partial<Kernel.TimeoutSettings>): PromiseTimeout => {
  const state = Kernel.make(settings)
  return {
    execute: (operation, parent) => {
      const startedAt = Date.now()
      const millis = Kernel.timeoutMillis(state, startedAt)
      return limited(operation, new Call(parent), millis, (cancelled) => {
        const now = Date.now()
        if (!cancelled) Kernel.record(state, now - startedAt, now)
      })
    },
    timeoutMillis: () => Kernel.timeoutMillis(state, Date.now()),
  }
}

/** The same time for every call, in milliseconds. */
export const fixedTimeout = (millis: number): PromiseTimeout => adaptiveTimeout(Kernel.fixed(millis))

/**
 * Settles once: as the operation does, with what `late` gives, or with the reason when the caller cancels; then calls
 * `ended`, and the call has ended.
 */
export const limited = <A>(
  operation: Operation<A>,
  call: Call,
  millis: number,
  ended: (cancelled: boolean) => void,
  late: () => unknown = () => new TimeoutExceeded(millis),
): Promise<A> =>
  new Promise<A>((resolve, reject) => {
    if (call.aborted) {
      reject(call.reason)
      return
    }
    let open = true
    const handle = HostTimers.after(millis, () => {
      if (!open) return
      open = false
      unsubscribe?.()
      ended(false)
      const error = late()
      call.abort(error)
      call.end()
      reject(error)
    })
    const settle = (): boolean => {
      if (!open) return false
      open = false
      unsubscribe?.()
      HostTimers.cancel(handle)
      ended(call.aborted)
      call.end()
      return true
    }
    const failed = (error: unknown): void => {
      if (settle()) reject(error)
    }
    // Who cancels is answered at once, also where the operation does not heed its signal. Most calls have none.
    const unsubscribe = call.cancellable ? call.onAbort(failed) : undefined
    try {
      const result = operation(call)
      if (isPromiseLike(result)) {
        result.then((value) => {
          if (settle()) resolve(value)
        }, failed)
      } else if (settle()) {
        resolve(result)
      }
    } catch (error) {
      failed(error)
    }
  })
