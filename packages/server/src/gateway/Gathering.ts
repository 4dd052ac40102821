/**
 * Brings together what many bridges have sent at the same moment, so that it is stored as one unit of work.
 *
 * What arrives in one turn of the event loop goes together, so the busier the server, the more share a unit, and the less
 * each costs. How many units are under way at once is for `store` to bound. When a unit dies of one delivery (a bug), each of its
 * deliveries is tried alone, so that only that one fails.
 */
import type { Bulkhead } from "@paceline/core/concurrency"
import type { Unavailable } from "@paceline/core/contract"
import { Effect, Exit } from "effect"
import type { Delivery } from "../contexts/devices/Model.ts"
import type { Receipt } from "../contexts/devices/Receiving.ts"

export type NotStored = Unavailable | Bulkhead.BulkheadFull | Bulkhead.BulkheadWaitExceeded

/** Told once: the delivery is durable, or nothing of it is stored. */
export type Told = (exit: Exit.Exit<Receipt, NotStored>) => void

export interface GatheringOptions {
  readonly store: (deliveries: ReadonlyArray<Delivery>) => Effect.Effect<ReadonlyArray<Receipt>, NotStored>
  readonly run: (effect: Effect.Effect<void>) => void
  /** So many chunks and gaps go into one unit, unless one delivery alone brings more. */
  readonly mostItems: number
}

interface Waiting {
  readonly delivery: Delivery
  readonly told: Told
}

const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

export class Gathering {
  readonly #options: GatheringOptions
  #waiting: Array<Waiting> = []
  #isGathering = false

  constructor(options: GatheringOptions) {
    this.#options = options
  }

  add(delivery: Delivery, told: Told): void {
    this.#waiting.push({ delivery, told })
    this.#gather()
  }

  #gather(): void {
    if (this.#isGathering || this.#waiting.length === 0) return
    this.#isGathering = true
    const unit = Effect.suspend(() => {
      const gathered = this.#take()
      this.#isGathering = false
      this.#gather()
      return this.#store(gathered)
    })
    this.#options.run(Effect.zipRight(nextTurn, unit))
  }

  /** At least one delivery, and those after it while there is room. */
  #take(): ReadonlyArray<Waiting> {
    let items = 0
    const end = this.#waiting.findIndex(({ delivery }, i) => {
      items += delivery.items.length
      return i > 0 && items > this.#options.mostItems
    })
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)
  }

  #store(gathered: ReadonlyArray<Waiting>): Effect.Effect<void> {
    return Effect.flatMap(Effect.exit(this.#options.store(gathered.map(({ delivery }) => delivery))), (exit) => {
      if (Exit.isFailure(exit) && gathered.length > 1 && exit.cause._tag === "Die") {
        return Effect.forEach(gathered, (one) => this.#store([one]), { discard: true })
      }
      return Effect.sync(() => {
        for (const [i, { told }] of gathered.entries()) told(receiptOf(exit, i))
      })
    })
  }
}

const receiptOf = (exit: Exit.Exit<ReadonlyArray<Receipt>, NotStored>, i: number): Exit.Exit<Receipt, NotStored> =>
  Exit.flatMap(exit, (receipts) => {
    const receipt = receipts[i]
    return receipt === undefined
      ? Exit.die(new Error("A delivery was stored without a receipt"))
      : Exit.succeed(receipt)
  })
