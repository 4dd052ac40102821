/**
 * A lease while it is held: renewed each third of its time to live, and known to be lost as soon as it may be.
 *
 * A renewal that fails is tried again, soon, as long as the lease lasts; one that hangs does not make it last longer.
 */
import * as Kernel from "../../kernel/concurrency/Lease.ts"
import { LeaseLost } from "../LockErrors.ts"
import type { LeaseEvent } from "../LockEvents.ts"
import { untilTold } from "./Abort.ts"
import { hostAlarm } from "./HostAlarm.ts"
import { ask, type PromiseLockStore, within } from "./LockStore.ts"

export interface PromiseLease {
  readonly resource: string
  /** Greater than that of every grant of this resource before it. */
  readonly token: Kernel.FencingToken
  /** @throws LeaseLost once it is lost. It asks the clock only, so it may stand before each write. */
  readonly ensureHeld: () => void
  /** Aborted, with `LeaseLost`, when the lease is lost or released. */
  readonly signal: AbortSignal
  /**
   * Runs the task and settles as it does; rejects with `LeaseLost` as soon as the lease is lost. A promise cannot be
   * interrupted: hand the signal on, or the task goes on behind it.
   */
  readonly guard: <A>(task: (signal: AbortSignal) => A | PromiseLike<A>) => Promise<A>
  /** Gives it back. Twice does nothing. */
  readonly release: () => Promise<void>
}

export interface Keeping {
  readonly store: PromiseLockStore
  readonly resource: string
  readonly owner: string
  readonly lease: Kernel.Lease
  /** Once, when it is lost or released. */
  readonly onEnd: () => void
  readonly tell: (event: LeaseEvent) => void
}

/** The longest that a release waits for the store, in milliseconds. It goes on behind it. */
const RELEASE_WAIT_MILLIS = 5_000

/** Starts renewing. */
export const keep = (keeping: Keeping): PromiseLease => {
  const { lease, onEnd, owner, resource, store, tell } = keeping
  const { token } = lease
  const ending = new AbortController()
  const { signal } = ending
  let renewal: number | undefined
  let releasing: Promise<void> | undefined

  const loss = (reason: Kernel.LossReason): LeaseLost => new LeaseLost({ resource, token, reason })

  const end = (reason: Kernel.LossReason): void => {
    if (signal.aborted) return
    if (renewal !== undefined) hostAlarm.cancel(renewal)
    const final = Kernel.lose(lease, reason, hostAlarm.now())
    if (final !== "released") tell({ _tag: "Lost", resource, token, reason: final })
    onEnd()
    ending.abort(loss(final))
  }

  const giveBack = async (): Promise<void> => {
    const released = await ask(resource, () => store.release(resource, owner))
    if ("error" in released) tell({ _tag: "ReleaseFailed", resource, token, error: released.error })
    else if (released.value && lease.lost === "released") tell({ _tag: "Released", resource, token })
  }

  const lost = (reason: Kernel.LossReason): void => {
    end(reason)
    // What the store may still think to be held, by a renewal whose answer came too late.
    void giveBack()
  }

  const renewLater = (failed: boolean): void => {
    const pause = Kernel.renewAfterMillis(lease, hostAlarm.now(), failed)
    renewal = hostAlarm.schedule(pause, () => void renew())
  }

  const renew = async (): Promise<void> => {
    const over = Kernel.lossOf(lease, hostAlarm.now())
    if (over !== undefined) return lost(over)
    const askedAt = hostAlarm.now()
    const question = ask(resource, () => store.renew(resource, owner, lease.ttlMillis))
    const answer = await untilTold(within(hostAlarm, question, lease.heldUntilMillis - askedAt))
    if (signal.aborted || lease.lost === "released") return
    if (answer === undefined) return lost("expired")
    if ("error" in answer) {
      tell({ _tag: "RenewalFailed", resource, token, error: answer.error })
      return renewLater(true)
    }
    if (!answer.value) return lost("refused")
    if (!Kernel.prolong(lease, askedAt, hostAlarm.now())) return lost("expired")
    tell({ _tag: "Renewed", resource, token })
    renewLater(false)
  }

  const ensureHeld = (): void => {
    const reason = Kernel.lossOf(lease, hostAlarm.now())
    if (reason !== undefined) throw loss(reason)
  }

  const release = async (): Promise<void> => {
    if (renewal !== undefined) hostAlarm.cancel(renewal)
    if (signal.aborted) return
    if (Kernel.lossOf(lease, hostAlarm.now()) === undefined) lease.lost = "released"
    await untilTold<void>(within(hostAlarm, giveBack(), RELEASE_WAIT_MILLIS))
    end("released")
  }

  renewLater(false)
  return {
    resource,
    token,
    ensureHeld,
    signal,
    guard: async (task) => {
      ensureHeld()
      let onLost = (): void => {}
      try {
        return await new Promise((resolve, reject) => {
          onLost = () => reject(signal.reason)
          signal.addEventListener("abort", onLost, { once: true })
          // Not `resolve(task(…))`: that would wait for the task, whatever comes first.
          Promise.resolve(task(signal)).then(resolve, reject)
        })
      } finally {
        signal.removeEventListener("abort", onLost)
      }
    },
    release: () => (releasing ??= release()),
  }
}
