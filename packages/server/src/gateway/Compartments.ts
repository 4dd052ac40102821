/**
 * Two bulkheads, so that a flood in one part of the server cannot sink the other: what bridges deliver, which must
 * go on, and the API, which can wait.
 *
 * Without them thousands of API changes could stand in line before the next chunk at the one writer of the store. So
 * only a bounded number of each is under way at once. As the API's line fills, those without a key are refused first,
 * then athletes and devices, and the admin last.
 *
 * Bridges wait in a line that has room for every one of them; whoever waits too long is sent away for a moment,
 * keeps its chunks, and comes again.
 */

import { Bulkhead, Timers } from "@paceline/core/concurrency"
import type { Actor } from "@paceline/core/contract"
import type { PriorityQueue } from "@paceline/core/kernel"
import { Context, Effect, Layer } from "effect"

export interface CompartmentsOptions {
  /** So many API requests are worked on at once. */
  readonly apiConcurrency: number
  /** So many more may wait for their turn. */
  readonly apiQueue: number
  /**
   * So many units of work for bridges are under way at once, each with what many bridges have sent. Two: one is stored,
   * and the next is there when the writer is done. More would be smaller, and no sooner.
   */
  readonly telemetryConcurrency: number
}

export const standard: CompartmentsOptions = { apiConcurrency: 64, apiQueue: 256, telemetryConcurrency: 2 }

/** The longest wait of a request. A phone that got no answer by then is better told to come again. */
const API_WAIT_MILLIS = 2_000

/** The longest wait of a bridge, which has all it waits with on its disk. */
const TELEMETRY_WAIT_MILLIS = 10_000

/** One unit at most waits for its turn; more only where each delivery of one that died is tried alone. */
const MOST_BRIDGES_WAITING = 10_000

export class Compartments extends Context.Tag("paceline/gateway/Compartments")<
  Compartments,
  { readonly api: Bulkhead.Bulkhead; readonly telemetry: Bulkhead.Bulkhead }
>() {}

/** Who is refused last when the API's line fills. */
export const priorityOf = (actor: Actor | null): PriorityQueue.Priority =>
  actor === null ? "low" : actor._tag === "Admin" ? "high" : "middle"

export const layer = (options: CompartmentsOptions): Layer.Layer<Compartments> =>
  Layer.effect(
    Compartments,
    Effect.all({
      api: Bulkhead.make({
        name: "api",
        limit: options.apiConcurrency,
        queue: options.apiQueue,
        maxWaitMillis: API_WAIT_MILLIS,
      }),
      telemetry: Bulkhead.make({
        name: "telemetry",
        limit: options.telemetryConcurrency,
        queue: { high: MOST_BRIDGES_WAITING, middle: MOST_BRIDGES_WAITING, low: MOST_BRIDGES_WAITING },
        maxWaitMillis: TELEMETRY_WAIT_MILLIS,
      }),
    }),
  ).pipe(Layer.provide(Timers.layer))
