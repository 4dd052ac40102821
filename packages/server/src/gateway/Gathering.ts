/**
 * Brings together what many bridges have sent at the same moment, so that it is stored as one unit of work.
 *
 * Bridges stand in line, and are asked for what they have only when it is their turn: so whatever else they send while
 * others are being stored goes with it, and the busier the server, the more shares a unit, and the less each costs. How
 * many units are under way at once is for `store` to bound. When a unit dies of one delivery (a bug), each of its
 * deliveries is tried alone, so that only that one fails.
 */
import type { Bulkhead } from "@paceline/core/concurrency"
import type { Unavailable } from "@paceline/core/contract"
import { Effect, Exit } from "effect"
import type { Delivery } from "../contexts/devices/Model.ts"
import type { Receipt } from "../contexts/devices/Receiving.ts"

export type NotStored = Unavailable | Bulkhead.BulkheadFull | Bulkhead.BulkheadWaitExceeded

/** Somebody who has something to store. */
export interface Sender {
  /** How many chunks and gaps it has now; none when it is gone. */
  readonly waiting: number
  /** Hands all of them out, to be stored. Called when there are some, and it is its turn. */
  readonly take: () => Delivery
  /**
   * Told once for each time in line: what was taken is durable, or nothing of it is stored. A failure may also come
   * before it was asked for anything. Not told when it had nothing.
   */
  readonly told: (exit: Exit.Exit<Receipt, NotStored>) => void
}

export interface GatheringOptions {
  /** Stores what `take` gives. It calls `take` once, when it is the unit's turn, unless it fails before that. */
  readonly store: (take: () => ReadonlyArray<Delivery>) => Effect.Effect<ReadonlyArray<Receipt>, NotStored>
  readonly run: (effect: Effect.Effect<void>) => void
  /** So many chunks and gaps go into one unit, unless one delivery alone brings more. */
  readonly mostItems: number
}

interface Taken {
  readonly sender: Sender
  readonly delivery: Delivery
}

const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

export class Gathering {
  readonly #options: GatheringOptions
  #line: Array<Sender> = []
  /** Whether a unit is waiting for its turn. */
  #isGathering = false

  constructor(options: GatheringOptions) {
    this.#options = options
  }

  /** Whoever is in line already must not be added again. */
  add(sender: Sender): void {
    this.#line.push(sender)
    this.#gather()
  }

  #gather(): void {
    if (this.#isGathering || this.#line.length === 0) return
    this.#isGathering = true
    const unit = Effect.suspend(() => {
      let taken: ReadonlyArray<Taken> | undefined
      const take = () => {
        taken = this.#take()
        this.#isGathering = false
        this.#gather()
        return taken.map(({ delivery }) => delivery)
      }
      return Effect.flatMap(Effect.exit(this.#options.store(take)), (exit) => {
        if (taken !== undefined) return this.#answer(taken, exit)
        this.#isGathering = false
        return Effect.sync(() => this.#turnAway(exit))
      })
    })
    this.#options.run(Effect.zipRight(nextTurn, unit))
  }

  /** At least one delivery, and those after it while there is room. */
  #take(): ReadonlyArray<Taken> {
    const taken: Array<Taken> = []
    let items = 0
    let end = 0
    for (const sender of this.#line) {
      const { waiting } = sender
      items += waiting
      if (items > this.#options.mostItems && taken.length > 0) break
      end++
      if (waiting > 0) taken.push({ sender, delivery: sender.take() })
    }
    this.#line.splice(0, end)
    return taken
  }

  /** It was nobody's turn, and would not have been anybody else's: all in line are told. */
  #turnAway(exit: Exit.Exit<ReadonlyArray<Receipt>, NotStored>): void {
    for (const [i, sender] of this.#line.splice(0).entries()) {
      if (sender.waiting > 0) sender.told(receiptOf(exit, i))
    }
  }

  #answer(taken: ReadonlyArray<Taken>, exit: Exit.Exit<ReadonlyArray<Receipt>, NotStored>): Effect.Effect<void> {
    if (Exit.isFailure(exit) && taken.length > 1 && exit.cause._tag === "Die") {
      return Effect.forEach(
        taken,
        (one) =>
          Effect.flatMap(Effect.exit(this.#options.store(() => [one.delivery])), (alone) => this.#answer([one], alone)),
        { discard: true },
      )
    }
    return Effect.sync(() => {
      for (const [i, { sender }] of taken.entries()) sender.told(receiptOf(exit, i))
    })
  }
}

const receiptOf = (exit: Exit.Exit<ReadonlyArray<Receipt>, NotStored>, i: number): Exit.Exit<Receipt, NotStored> => {
  if (Exit.isFailure(exit)) return Exit.failCause(exit.cause)
  const receipt = exit.value[i]
  return receipt === undefined ? Exit.die(new Error("A delivery was stored without a receipt")) : Exit.succeed(receipt)
}
