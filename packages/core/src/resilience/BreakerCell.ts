/**
 * One circuit breaker with its name, its listeners and its prebuilt refusals: what the effect and the promise
 * varieties share, and may share in one program.
 */

import type { BreakerEvent } from "../kernel/resilience/BreakerEvent.ts"
import * as BreakerSettings from "../kernel/resilience/BreakerSettings.ts"
import * as BreakerSnapshot from "../kernel/resilience/BreakerSnapshot.ts"
import * as Kernel from "../kernel/resilience/CircuitBreaker.ts"
import * as Fault from "../kernel/resilience/Fault.ts"
import { BreakerOpen, type RefusalReason } from "./Errors.ts"

export interface BreakerOptions extends Partial<BreakerSettings.BreakerSettings> {
  /** What an error says about the dependency. Default: `Fault.kindOf`. */
  readonly kindOf?: (error: unknown) => Fault.FaultKind
  /** State to go on from, taken with `BreakerCell.snapshot`. */
  readonly snapshot?: BreakerSnapshot.BreakerSnapshot
  /** The time at which `snapshot` is restored; needed with it. */
  readonly nowMillis?: number
}

export interface BreakerCell {
  readonly name: string
  readonly state: Kernel.CircuitBreaker
  readonly kindOf: (error: unknown) => Fault.FaultKind
  readonly listeners: Set<(event: BreakerEvent) => void>
  /** The refusal of the present state, once it was needed. */
  refusal: BreakerOpen | undefined
  refusalGeneration: number
  refusedAtMillis: number
  /** The refusal as a rejected promise, once one was needed. */
  rejected: Promise<never> | undefined
  telling: boolean
}

export const make = (name: string, options: BreakerOptions = {}): BreakerCell => {
  const { kindOf, snapshot, nowMillis, ...changes } = options
  const settings = BreakerSettings.make(changes)
  return {
    name,
    state:
      snapshot === undefined
        ? Kernel.make(settings)
        : BreakerSnapshot.restore(settings, snapshot, nowMillis ?? snapshot.openedAtMillis),
    kindOf: kindOf ?? Fault.kindOf,
    listeners: new Set(),
    refusal: undefined,
    refusalGeneration: 0,
    refusedAtMillis: 0,
    rejected: undefined,
    telling: false,
  }
}

/** The error for a refused call: one object for as long as it says the truth. */
export const refusal = (cell: BreakerCell, nowMillis: number): BreakerOpen => {
  const known = cell.refusal
  if (known !== undefined && cell.refusalGeneration === cell.state.generation) {
    // On a clock that went back its time to try again would lie too far ahead.
    if (nowMillis < known.retryAtMillis && nowMillis >= cell.refusedAtMillis) return known
  }
  const wait = Math.max(1, Math.min(Kernel.retryAfterMillis(cell.state, nowMillis), waitAtMost(cell)))
  const built = new BreakerOpen(cell.name, refusalReason(cell.state), nowMillis + wait)
  cell.refusal = built
  cell.refusalGeneration = cell.state.generation
  cell.refusedAtMillis = nowMillis
  cell.rejected = undefined
  return built
}

/** The same, as one promise for as long as it says the truth: a rejection costs more than all else in a refusal. */
export const rejection = (cell: BreakerCell, nowMillis: number): Promise<never> => {
  const error = refusal(cell, nowMillis)
  cell.rejected ??= Promise.reject(error)
  return cell.rejected
}

/** Where a result may change things at any moment, the next look should not be far. */
const waitAtMost = (cell: BreakerCell): number => (cell.state.phase === "open" ? Number.POSITIVE_INFINITY : 1_000)

const refusalReason = (state: Kernel.CircuitBreaker): RefusalReason => {
  if (state.isolations > 0) return "isolated"
  if (state.mode === "forced-open") return "forced-open"
  return state.phase === "closed" ? "returning" : state.phase
}

/** Notes a success. */
export const settleSuccess = (
  cell: BreakerCell,
  ticket: Kernel.Ticket,
  startedAtMillis: number,
  nowMillis: number,
): void => {
  Kernel.succeed(cell.state, ticket, nowMillis, nowMillis - startedAtMillis)
  if (cell.state.events.length > 0) tell(cell)
}

/** Notes a failure: it counts, or it only gives its place back. */
export const settleFailure = (
  cell: BreakerCell,
  ticket: Kernel.Ticket,
  error: unknown,
  startedAtMillis: number,
  nowMillis: number,
): void => {
  const kind = cell.kindOf(error)
  if (Fault.countsAgainst(kind)) {
    Kernel.fail(cell.state, ticket, nowMillis, nowMillis - startedAtMillis, kind === "timeout")
  } else {
    Kernel.release(cell.state, ticket)
  }
  if (cell.state.events.length > 0) tell(cell)
}

/**
 * Tells the listeners what happened, in order, also when a listener makes more happen. A listener that throws does
 * not keep the others from hearing, nor the call from its result.
 */
export const tell = (cell: BreakerCell): void => {
  cell.refusal = undefined
  if (cell.telling) return
  cell.telling = true
  for (let event = cell.state.events.shift(); event !== undefined; event = cell.state.events.shift()) {
    for (const listener of cell.listeners) {
      try {
        listener(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
  cell.telling = false
}

/** Returns what ends the subscription. */
export const subscribe = (cell: BreakerCell, listener: (event: BreakerEvent) => void): (() => void) => {
  cell.listeners.add(listener)
  return () => {
    cell.listeners.delete(listener)
  }
}

/** Whether a call now would be refused for the dependency's sake, without asking for a place. */
export const isOpen = (cell: BreakerCell, nowMillis: number): boolean => {
  const { state } = cell
  return (
    state.isolations > 0 ||
    state.mode === "forced-open" ||
    (state.phase === "open" && Kernel.retryAfterMillis(state, nowMillis) > 0)
  )
}

export interface BreakerView {
  readonly name: string
  readonly phase: Kernel.Phase
  readonly mode: Kernel.Mode
  readonly isolations: number
  /** Calls, failures and slow calls in the window. */
  readonly calls: number
  readonly failures: number
  readonly slow: number
  /** The greatest number of calls at once while traffic returns; Infinity otherwise. */
  readonly limit: number
  readonly retryAfterMillis: number
}

export const view = (cell: BreakerCell, nowMillis: number): BreakerView => ({
  name: cell.name,
  phase: cell.state.phase,
  mode: cell.state.mode,
  isolations: cell.state.isolations,
  calls: cell.state.window.calls,
  failures: cell.state.window.failures,
  slow: cell.state.window.slow,
  limit: Kernel.stepLimit(cell.state),
  retryAfterMillis: Kernel.retryAfterMillis(cell.state, nowMillis),
})
