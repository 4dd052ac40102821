/**
 * Hints within one process: those who wait for a topic, or a kind of aggregate, are told that it may have changed.
 *
 * Many hints wait as one. They are for speed only: who is told looks, and who looks sees the truth.
 */
import { Effect, Queue, type Scope } from "effect"

export interface Hints {
  /** Tells all who wait for `name` at the moment. */
  readonly tell: (name: string) => void
  /** Tells everybody, when it is not known what changed. */
  readonly tellAll: () => void
  readonly subscribe: (name: string) => Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
}

export const makeHints = (): Hints => {
  const waiting = new Map<string, Set<Queue.Queue<void>>>()

  const tell = (name: string): void => {
    for (const queue of waiting.get(name) ?? []) queue.unsafeOffer(undefined)
  }

  const enter = (name: string) =>
    Effect.tap(Queue.sliding<void>(1), (queue) =>
      Effect.sync(() => {
        waiting.set(name, (waiting.get(name) ?? new Set()).add(queue))
      }),
    )

  const leave = (name: string, queue: Queue.Queue<void>) =>
    Effect.sync(() => {
      const queues = waiting.get(name)
      queues?.delete(queue)
      if (queues?.size === 0) waiting.delete(name)
    })

  return {
    tell,
    tellAll: () => {
      for (const name of waiting.keys()) tell(name)
    },
    subscribe: (name) => Effect.acquireRelease(enter(name), (queue) => leave(name, queue)),
  }
}
