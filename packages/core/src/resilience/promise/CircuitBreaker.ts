/**
 * The circuit breaker for promises.
 *
 * @example
 * const strava = circuitBreaker("strava")
 * const activities = await strava.execute((call) => fetch(url, { signal: call.signal }))
 */

import type { BreakerEvent } from "../../kernel/resilience/BreakerEvent.ts"
import * as BreakerSnapshot from "../../kernel/resilience/BreakerSnapshot.ts"
import * as Kernel from "../../kernel/resilience/CircuitBreaker.ts"
import * as BreakerCell from "../BreakerCell.ts"
import { type Call, callOf, isPromiseLike, type Operation, type Parent } from "./Call.ts"

export interface PromiseCircuitBreaker {
  readonly name: string
  /**
   * Rejects with `BreakerOpen`, without calling the operation, when the breaker refuses. Refused callers share one
   * rejected promise: the host reports it as unhandled only if none of them handles it.
   */
  readonly execute: <A>(operation: Operation<A>, parent?: Parent) => Promise<A>
  readonly view: () => BreakerCell.BreakerView
  /** Hears every transition in order; returns what ends it. */
  readonly subscribe: (listener: (event: BreakerEvent) => void) => () => void
  /** Refuses everything until the returned function is called. Isolations are counted. */
  readonly isolate: () => () => void
  readonly setMode: (mode: Kernel.Mode) => void
  readonly snapshot: () => BreakerSnapshot.BreakerSnapshot
  readonly cell: BreakerCell.BreakerCell
}

export const circuitBreaker = (name: string, options: BreakerCell.BreakerOptions = {}): PromiseCircuitBreaker =>
  circuitBreakerOf(BreakerCell.make(name, { nowMillis: Date.now(), ...options }))

/** The promise variety of a breaker that exists already. */
export const circuitBreakerOf = (cell: BreakerCell.BreakerCell): PromiseCircuitBreaker => ({
  name: cell.name,
  execute: (operation, parent) => execute(cell, operation, parent),
  view: () => BreakerCell.view(cell, Date.now()),
  subscribe: (listener) => BreakerCell.subscribe(cell, listener),
  isolate: () => {
    change(cell, Kernel.isolate)
    let held = true
    return () => {
      if (held) change(cell, Kernel.unisolate)
      held = false
    }
  },
  setMode: (mode) => change(cell, (state, nowMillis) => Kernel.setMode(state, mode, nowMillis)),
  snapshot: () => BreakerSnapshot.of(cell.state),
  cell,
})

const change = (
  cell: BreakerCell.BreakerCell,
  action: (state: Kernel.CircuitBreaker, nowMillis: number) => void,
): void => {
  action(cell.state, Date.now())
  BreakerCell.tell(cell)
}

const execute = <A>(cell: BreakerCell.BreakerCell, operation: Operation<A>, parent: Parent): Promise<A> => {
  const startedAt = Date.now()
  const ticket = Kernel.admit(cell.state, startedAt)
  if (cell.state.events.length > 0) BreakerCell.tell(cell)
  if (ticket === Kernel.REFUSED) return BreakerCell.rejection(cell, startedAt)
  const call = callOf(parent)
  let result: PromiseLike<A> | A
  try {
    result = operation(call)
  } catch (error) {
    settleRejected(cell, ticket, call, error, startedAt)
    return Promise.reject(error)
  }
  if (!isPromiseLike(result)) {
    BreakerCell.settleSuccess(cell, ticket, startedAt, Date.now())
    return Promise.resolve(result)
  }
  const answered = result instanceof Promise ? result : Promise.resolve(result)
  return answered.then(
    (value) => {
      BreakerCell.settleSuccess(cell, ticket, startedAt, Date.now())
      return value
    },
    (error) => {
      settleRejected(cell, ticket, call, error, startedAt)
      // To throw here, as to throw through an async function, would cost several times the breaker.
      return answered
    },
  )
}

/** A call that its caller cancelled is no failure, whatever it was cancelled with. */
const settleRejected = (
  cell: BreakerCell.BreakerCell,
  ticket: Kernel.Ticket,
  call: Call,
  error: unknown,
  startedAtMillis: number,
): void => {
  if (call.aborted) Kernel.release(cell.state, ticket)
  else BreakerCell.settleFailure(cell, ticket, error, startedAtMillis, Date.now())
}
