/**
 * Those in this process who wait for a saga that is in hand here: they hear how it ends, and need not look.
 *
 * What they hear is what was stored. Where it ends in another process, or is put down for later, they hear only that it
 * is no longer in hand here, and look for themselves.
 */
import { type Context, Effect } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { SagaState } from "../kernel/workflow/SagaState.ts"

type Store = Context.Tag.Service<typeof AggregateStore>

interface Listener {
  /** The one that it looks into; undefined when it will look in any case. */
  readonly store: Store | undefined
  /** Undefined: one has to look. */
  readonly hear: (state: SagaState | undefined) => void
}

export interface SagaWatch {
  /** It is over, or parked, and `state` is stored. */
  readonly tell: (store: Store, id: string, state: SagaState) => void
  /** It is no longer in hand here. */
  readonly putDown: (id: string) => void
  /** Waits for the next word of it while it is in hand; undefined when it is not, and one has to look. */
  readonly next: (store: Store, id: string, isInHand: () => boolean) => Effect.Effect<SagaState | undefined>
  /** Calls `ring` at each word of it; what is returned ends that. */
  readonly listen: (id: string, ring: () => void) => () => void
}

export const make = (): SagaWatch => {
  const listeners = new Map<string, Set<Listener>>()

  const enter = (id: string, listener: Listener): (() => void) => {
    const others = listeners.get(id) ?? new Set()
    listeners.set(id, others.add(listener))
    return () => {
      others.delete(listener)
      if (others.size === 0 && listeners.get(id) === others) listeners.delete(id)
    }
  }

  /** Each hears once and is gone, or stays and hears again: that is its own affair. */
  const tellAll = (id: string, stateFor: (listener: Listener) => SagaState | undefined): void => {
    const found = listeners.get(id)
    if (found === undefined) return
    for (const listener of [...found]) listener.hear(stateFor(listener))
  }

  return {
    tell: (store, id, state) => tellAll(id, (listener) => (listener.store === store ? state : undefined)),
    putDown: (id) => tellAll(id, () => undefined),
    next: (store, id, isInHand) =>
      Effect.async((resume) => {
        // Asked in the very moment in which it begins to listen, so that nothing is missed.
        if (!isInHand()) return resume(Effect.succeed(undefined))
        const leave = enter(id, {
          store,
          hear: (state) => {
            leave()
            resume(Effect.succeed(state))
          },
        })
        return Effect.sync(leave)
      }),
    listen: (id, ring) => enter(id, { store: undefined, hear: ring }),
  }
}
