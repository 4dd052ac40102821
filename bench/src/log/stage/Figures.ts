/** How rates and percentiles are taken, the same for both sides. */
import { Effect } from "effect"

/** What `run` does a second, when it does `count` of something. */
export const perSecond = async (count: number, run: () => Promise<unknown>): Promise<number> => {
  const from = performance.now()
  await run()
  return (count * 1_000) / (performance.now() - from)
}

/** So many callers at once; each calls again as soon as it is answered, until `count` calls are made in all. */
export const byCallers = async (
  callers: number,
  count: number,
  call: (n: number) => Promise<unknown>,
): Promise<void> => {
  let answered = 0
  const caller = async (first: number): Promise<void> => {
    for (let n = first; n < count; n += callers) {
      await call(n)
      answered++
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, first) => caller(first)))
  assertAll(answered, count)
}

/** The same with fibers. */
export const byFibers = <A, E, R>(
  callers: number,
  count: number,
  call: (n: number) => Effect.Effect<A, E, R>,
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    let answered = 0
    const caller = (first: number) =>
      Effect.gen(function* () {
        for (let n = first; n < count; n += callers) {
          yield* call(n)
          answered++
        }
      })
    const all = Array.from({ length: callers }, (_, first) => caller(first))
    return Effect.zipRight(
      Effect.all(all, { concurrency: "unbounded", discard: true }),
      Effect.sync(() => assertAll(answered, count)),
    )
  })

/** A rate of work that was not done would be a fine one. */
const assertAll = (done: number, count: number): void => {
  if (done !== count) throw new Error(`${done} of ${count} were done`)
}

/** @param share 0.5 is the median, 0.99 what one in a hundred exceeds. */
export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/**
 * The rate of a consumer: from the end of the first call of its handler to the end of the one that brings it to
 * `count`, so that neither its start nor waiting for its stop counts. The commit of the last batch is not in it, on
 * either side.
 */
export class Handled {
  readonly #count: number
  readonly #all = Promise.withResolvers<void>()
  #handled = 0
  #first = { handled: 0, at: 0 }
  #lastAt = 0

  constructor(count: number) {
    this.#count = count
  }

  /** To be called at the end of each call of the handler. */
  add(records: number): void {
    this.#handled += records
    this.#lastAt = performance.now()
    if (this.#first.handled === 0) this.#first = { handled: this.#handled, at: this.#lastAt }
    if (this.#handled >= this.#count) this.#all.resolve()
  }

  async perSecond(): Promise<number> {
    await this.#all.promise
    return ((this.#handled - this.#first.handled) * 1_000) / (this.#lastAt - this.#first.at)
  }
}
