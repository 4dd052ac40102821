/**
 * Stops calling what is failing, and lets traffic return in steps once it works again.
 *
 * The decisions are those of `kernel/resilience/CircuitBreaker`. An effect that fails or dies with what speaks against the
 * dependency counts as a failure (see `Fault`); a validation or permission error, or an interruption, does not count
 * and gives its place back. A refused call is not made: it fails with `BreakerOpen`, which says when to try again.
 *
 * @example
 * const strava = yield* CircuitBreaker.make("strava", { consecutiveFailures: 5 })
 * yield* strava.run(fetchActivities)
 */
import { Cause, type Config, type ConfigError, Context, Effect, Exit, Layer, type Scope, Stream } from "effect"
import * as BoundedMap from "../kernel/resilience/BoundedMap.ts"
import type { BreakerEvent } from "../kernel/resilience/BreakerEvent.ts"
import * as BreakerSnapshot from "../kernel/resilience/BreakerSnapshot.ts"
import * as Kernel from "../kernel/resilience/CircuitBreaker.ts"
import * as BreakerCell from "./BreakerCell.ts"
import * as Configured from "./Configured.ts"
import { counted, countedBy } from "./Counted.ts"
import type { BreakerOpen } from "./Errors.ts"
import * as FiberClock from "./FiberClock.ts"

export interface CircuitBreaker {
  readonly name: string
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | BreakerOpen, R>
  readonly view: Effect.Effect<BreakerCell.BreakerView>
  /** Every transition from now on, in order. */
  readonly events: Stream.Stream<BreakerEvent>
  /** Refuses everything until the scope closes. Isolations are counted. */
  readonly isolate: Effect.Effect<void, never, Scope.Scope>
  readonly setMode: (mode: Kernel.Mode) => Effect.Effect<void>
  readonly snapshot: Effect.Effect<BreakerSnapshot.BreakerSnapshot>
  /** The breaker itself, to share it with promises (`Promises.circuitBreakerOf`). */
  readonly cell: BreakerCell.BreakerCell
}

const transitions = {
  name: "paceline_breaker_transitions_total",
  description: "Transitions of circuit breakers, by breaker and event",
}
const refusals = {
  name: "paceline_breaker_refusals_total",
  description: "Calls that circuit breakers refused, by breaker",
}

export const make = (name: string, options?: BreakerCell.BreakerOptions): Effect.Effect<CircuitBreaker> =>
  Effect.map(Effect.clock, (clock) =>
    fromCell(BreakerCell.make(name, { nowMillis: clock.unsafeCurrentTimeMillis(), ...options })),
  )

/** Breakers whose transitions are counted: once each, however often `fromCell` is asked. */
const observed = new WeakSet<BreakerCell.BreakerCell>()

/** The effect variety of a breaker. `metricName` stands for it in metrics, where one name stands for many keys. */
export const fromCell = (cell: BreakerCell.BreakerCell, metricName: string = cell.name): CircuitBreaker => {
  const refused = counted(refusals, { breaker: metricName })
  if (!observed.has(cell)) {
    observed.add(cell)
    const happened = countedBy(transitions, "event", { breaker: metricName })
    BreakerCell.subscribe(cell, (event) => happened(event._tag))
  }
  return {
    name: cell.name,
    run: (effect) => guard(cell, refused, effect),
    view: Effect.map(Effect.clock, (clock) => BreakerCell.view(cell, clock.unsafeCurrentTimeMillis())),
    events: Stream.asyncPush<BreakerEvent>((emit) =>
      Effect.acquireRelease(
        Effect.sync(() => BreakerCell.subscribe(cell, (event) => emit.single(event))),
        (unsubscribe) => Effect.sync(unsubscribe),
      ),
    ),
    isolate: Effect.acquireRelease(change(cell, Kernel.isolate), () => change(cell, Kernel.unisolate)),
    setMode: (mode) => change(cell, (state, nowMillis) => Kernel.setMode(state, mode, nowMillis)),
    snapshot: Effect.sync(() => BreakerSnapshot.of(cell.state)),
    cell,
  }
}

const change = (
  cell: BreakerCell.BreakerCell,
  action: (state: Kernel.CircuitBreaker, nowMillis: number) => void,
): Effect.Effect<void> =>
  Effect.map(Effect.clock, (clock) => {
    action(cell.state, clock.unsafeCurrentTimeMillis())
    BreakerCell.tell(cell)
  })

/** Two primitives around the call while the breaker is closed: this is the path of every call there is. */
const guard = <A, E, R>(
  cell: BreakerCell.BreakerCell,
  refused: () => void,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | BreakerOpen, R> =>
  Effect.withFiberRuntime((fiber) => {
    const startedAt = FiberClock.nowMillis(fiber)
    const ticket = Kernel.admit(cell.state, startedAt)
    if (cell.state.events.length > 0) BreakerCell.tell(cell)
    if (ticket === Kernel.REFUSED) {
      refused()
      return Exit.fail(BreakerCell.refusal(cell, startedAt))
    }
    // While traffic is free a ticket holds no place, so an interrupted call has nothing to give back.
    if (cell.state.free) {
      return Effect.matchCauseEffect(effect, {
        onSuccess: (value) => {
          BreakerCell.settleSuccess(cell, ticket, startedAt, FiberClock.nowMillis(fiber))
          return Exit.succeed(value)
        },
        onFailure: (cause) => {
          settleCause(cell, ticket, cause, startedAt, FiberClock.nowMillis(fiber))
          return Exit.failCause(cause)
        },
      })
    }
    return Effect.onExit(effect, (exit) => {
      if (Exit.isSuccess(exit)) BreakerCell.settleSuccess(cell, ticket, startedAt, FiberClock.nowMillis(fiber))
      else settleCause(cell, ticket, exit.cause, startedAt, FiberClock.nowMillis(fiber))
      return Effect.void
    })
  })

const settleCause = <E>(
  cell: BreakerCell.BreakerCell,
  ticket: Kernel.Ticket,
  cause: Cause.Cause<E>,
  startedAtMillis: number,
  nowMillis: number,
): void => {
  if (cause._tag === "Fail") {
    BreakerCell.settleFailure(cell, ticket, cause.error, startedAtMillis, nowMillis)
  } else if (Cause.isInterruptedOnly(cause)) {
    Kernel.release(cell.state, ticket)
  } else {
    BreakerCell.settleFailure(cell, ticket, Cause.squash(cause), startedAtMillis, nowMillis)
  }
}

export interface KeyedOptions extends Omit<BreakerCell.BreakerOptions, "snapshot" | "nowMillis"> {
  /** The greatest number of breakers kept; what was not used lately goes first, open ones last. Default 1,000. */
  readonly maxKeys?: number
  /** States to go on from, taken with `snapshots`, by key. */
  readonly snapshots?: Readonly<Record<string, BreakerSnapshot.BreakerSnapshot>>
}

/** One breaker a key, such as a dependency or a tenant, made when first used. */
export interface KeyedCircuitBreaker {
  readonly get: (key: string) => CircuitBreaker
  readonly run: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | BreakerOpen, R>
  readonly views: Effect.Effect<ReadonlyArray<BreakerCell.BreakerView>>
  /** The state of every breaker that is kept, by key: plain JSON. */
  readonly snapshots: Effect.Effect<Readonly<Record<string, BreakerSnapshot.BreakerSnapshot>>>
}

export const makeKeyed = (group: string, options: KeyedOptions = {}): Effect.Effect<KeyedCircuitBreaker> =>
  Effect.sync(() => {
    const { maxKeys = 1_000, snapshots = {}, ...breaker } = options
    const known = new Map(Object.entries(snapshots))
    const worthKeeping = (kept: CircuitBreaker): boolean => !kept.cell.state.free
    const map = BoundedMap.make<string, CircuitBreaker>(maxKeys, worthKeeping)
    const get = (key: string): CircuitBreaker =>
      BoundedMap.getOrMake(map, key, () => {
        const snapshot = known.get(key)
        return fromCell(BreakerCell.make(key, snapshot === undefined ? breaker : { ...breaker, snapshot }), group)
      })
    return {
      get,
      run: (key) => (effect) => get(key).run(effect),
      views: Effect.suspend(() => Effect.forEach(map.entries.values(), (entry) => entry.value.view)),
      snapshots: Effect.sync(() =>
        Object.fromEntries([...map.entries].map(([key, entry]) => [key, BreakerSnapshot.of(entry.value.cell.state)])),
      ),
    }
  })

/** The breakers of a program, one a dependency. */
export class CircuitBreakers extends Context.Tag("@paceline/core/resilience/CircuitBreakers")<
  CircuitBreakers,
  KeyedCircuitBreaker
>() {}

export const layer = (options?: KeyedOptions): Layer.Layer<CircuitBreakers> =>
  Layer.effect(CircuitBreakers, makeKeyed("dependencies", options))

/** What of breakers an operator sets: all of `BreakerSettings`, such as `BREAKER_ERROR_RATE`, and `BREAKER_MAX_KEYS`. */
export const config = Configured.breaker

/** Settings read from the configuration; what is absent has its default. */
export const layerConfig = (
  read: Config.Config<KeyedOptions> = config,
): Layer.Layer<CircuitBreakers, ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(read, layer))
