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
  /** Somebody further out tries again when this fails. */
  readonly retried: boolean

  constructor(parent: Parent, retried = false) {
    this.#parent = parent instanceof Call ? parent : undefined
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
    // The listener goes when this call stops; a call that ends well is collected together with its controller.
    above?.addEventListener("abort", () => controller.abort(above.reason), { once: true, signal: controller.signal })
    return controller.signal
  }

  get aborted(): boolean {
    return this.#stopped || (this.#outside?.aborted ?? this.#parent?.aborted ?? false)
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

/** A call that is part of nothing and that nobody aborts. */
export const alone = new Call(undefined)

export const callOf = (parent: Parent): Call => {
  if (parent === undefined) return alone
  return parent instanceof Call ? parent : new Call(parent)
}

/** Waits; rejects with the reason as soon as the call is aborted. */
export const sleep = (millis: number, call: Call): Promise<void> =>
  new Promise((resolve, reject) => {
    if (call.aborted) {
      reject(call.reason)
      return
    }
    const timer = setTimeout(() => {
      unsubscribe()
      resolve()
    }, millis)
    const unsubscribe =
      call === alone
        ? () => {}
        : call.onAbort((reason) => {
            clearTimeout(timer)
            reject(reason)
          })
  })
