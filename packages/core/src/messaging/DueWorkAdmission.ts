/**
 * What is made is taken in hand at once: who puts an aggregate into the store that is due now asks a loop of this process
 * for a place first, and puts it there as claimed. That saves the claim, a unit of work and the way there.
 *
 * A place is given only where there is room and nothing that is due waits for it, so nobody is overtaken; and only by a
 * loop that works on the same store. Where none is given, the aggregate is put there as due, and is claimed like any other.
 */
import type { Context } from "effect"
import type { AggregateStore, Stored } from "../consistency/AggregateStore.ts"
import type { UnitOfWork } from "../consistency/UnitOfWork.ts"
import type { Lease } from "./DueWorkClaim.ts"
import type { SharedUnits } from "./SharedUnits.ts"

type Store = Context.Tag.Service<typeof AggregateStore>
type Work = Context.Tag.Service<typeof UnitOfWork>

/** A place that is kept free. It must be taken or given up. */
export interface Place {
  /** What is put into the store with it must be due at `untilMs`. */
  readonly lease: Lease
  readonly units: SharedUnits
  /** It is in the store; nothing happens the second time. To be called after the commit. */
  readonly take: (stored: Stored) => void
  /** It did not come to that; nothing happens when it was taken. */
  readonly giveUp: () => void
}

/** A loop that may give places. */
interface Door {
  readonly store: Store
  readonly work: Work
  readonly place: () => Place | undefined
  readonly holds: (id: string) => boolean
}

export interface Admission {
  /** Undefined: nobody has one. */
  readonly place: (store: Store, work: Work) => Place | undefined
  /** Whether a loop of this process has it in hand; when that ends, the loop's `ended` is told. */
  readonly holds: (store: Store, id: string) => boolean
  /** Puts up a door; what is returned takes it away. */
  readonly open: (door: Door) => () => void
}

/** One for each kind. */
export const make = (): Admission => {
  const doors = new Set<Door>()
  return {
    place: (store, work) => {
      for (const door of doors) {
        const place = door.store === store && door.work === work ? door.place() : undefined
        if (place !== undefined) return place
      }
      return undefined
    },
    holds: (store, id) => {
      for (const door of doors) if (door.store === store && door.holds(id)) return true
      return false
    },
    open: (door) => {
      doors.add(door)
      return () => doors.delete(door)
    },
  }
}
