/**
 * What goes along with a call from guard to guard: the wish to stop, and whether somebody retries already.
 *
 * A guard hands a `Call` to the operation. Its `signal` is an `AbortSignal` like any other, made only when somebody
 * asks for it: most calls never need one. Pass the `Call` on to what you call inside (`inner.execute(op, call)`), and
 * cancelling reaches it, and nested retries do not multiply.
 *
 * @example
 * policy.execute((call) => fetch(url, { signal: call.signal }))
 */

import * as HostTimers from "../HostTimers.ts"

/** What a guard runs. */
export type Operation<A> = (call: Call) => PromiseLike<A> | A

/** What a caller may hand in: the call it is part of, or only a signal. */
export type Parent = Call | AbortSignal | undefined

export class Call {
  readonly #parent: Call | undefined
  readonly #outside: AbortSignal | undefined
  #controller: AbortController | undefined
  #reason: unknown
  #stopped = false
  #unlink: (() => void) | undefined
  /** Somebody further out tries again when this fails. */
  readonly retried: boolean

  constructor(parent: Parent, retried = false) {
    this.#parent = parent instanceof Call && parent !== alone ? parent : undefined
    this.#outside = parent instanceof Call ? undefined : parent
    this.retried = retried || (this.#parent?.retried ?? false)
  }

  /** Aborted when the call is to stop. */
  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal
    const controller = new AbortController()
    this.#controller = controller
    if (this.aborted) {
      controller.abort(this.reason)
      return controller.signal
    }
    const above = this.#outside ?? this.#parent?.signal
    if (above !== undefined) {
      const listener = (): void => controller.abort(above.reason)
      above.addEventListener("abort", listener, { once: true })
      this.#unlink = () => above.removeEventListener("abort", listener)
    }
    return controller.signal
  }

  /** The call has its result: it lets go of the signal of what it is part of, which may live much longer. */
  end(): void {
    this.#unlink?.()
    this.#unlink = undefined
  }

  get aborted(): boolean {
    return this.#stopped || (this.#outside?.aborted ?? this.#parent?.aborted ?? false)
  }

  /** Whether somebody outside could abort it: there is a signal at its root. */
  get cancellable(): boolean {
    return this.#outside !== undefined || (this.#parent?.cancellable ?? false)
  }

  /** Why it was aborted. */
  get reason(): unknown {
    return this.#stopped ? this.#reason : (this.#outside?.reason ?? this.#parent?.reason)
  }

  /** Asks this call, and all inside it, to stop. */
  abort(reason: unknown): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#reason = reason
    this.#controller?.abort(reason)
  }

  /** Runs `action` once when the call is aborted; returns what takes it back. */
  onAbort(action: (reason: unknown) => void): () => void {
    const signal = this.signal
    if (signal.aborted) {
      action(signal.reason)
      return () => {}
    }
    const listener = (): void => action(signal.reason)
    signal.addEventListener("abort", listener, { once: true })
    return () => signal.removeEventListener("abort", listener)
  }
}

/** Hands out a signal of its own each time it is asked: listeners cannot pile up on what never ends. */
class Alone extends Call {
  override get signal(): AbortSignal {
    return new AbortController().signal
  }
}

/** A call that is part of nothing and that nobody aborts. */
const alone: Call = new Alone(undefined)

/** A call that ends only when the caller says so: it hands on the caller's own signal. */
class CallersOwn extends Call {
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    super(signal)
    this.#signal = signal
  }

  override get signal(): AbortSignal {
    return this.#signal
  }
}

export const callOf = (parent: Parent): Call => {
  if (parent === undefined) return alone
  return parent instanceof Call ? parent : new CallersOwn(parent)
}

/** Waits; rejects with the reason as soon as the call is aborted. */
export const sleep = (millis: number, call: Call): Promise<void> =>
  new Promise((resolve, reject) => {
    if (call.aborted) {
      reject(call.reason)
      return
    }
    const timer = HostTimers.after(millis, () => {
      unsubscribe()
      resolve()
    })
    const unsubscribe =
      call === alone
        ? () => {}
        : call.onAbort((reason) => {
            HostTimers.cancel(timer)
            reject(reason)
          })
  })

export const isPromiseLike = <A>(value: PromiseLike<A> | A): value is PromiseLike<A> =>
  value instanceof Promise ||
  (typeof value === "object" && value !== null && "then" in value && typeof value.then === "function")
