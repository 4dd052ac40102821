/**
 * Work of several steps that happens as a whole: all of them, or none that is not undone.
 *
 * Each step gives a result that those after it may use, and says how it is undone. When one is given up, or somebody
 * cancels, what has happened is compensated, the last first. It promises:
 *
 * - A **transactional** step happens exactly once: its effect is in the unit of work that records it. A **call** to the
 *   outside happens at least once, and is told the same key each time, so that the other side can see to the rest.
 * - A crash, in a step or in a compensation, resumes there. One that was begun and did not come back counts as an attempt.
 * - A call that was given up without knowing whether it happened is compensated as well.
 * - A compensation that fails for good is parked: an error in the log, the counter `paceline_saga_alerts_total`, the event
 *   `SagaParked`, and `listParked`. A person has it tried again (`retry`) or says that it is settled (`settle`).
 * - A saga whose definition has changed so that it does not fit any more is parked with the reason, not run wrongly.
 * - The same id gives the same saga. Finished ones are archived, where they slow nothing, with their timeline.
 *
 * What may pass (`Fault`) is tried again after a stored, jittered delay; nothing waits in memory. An error that says
 * `retryable: false`, or a defect, gives the step up at once.
 *
 * @example
 * const OrderSaga = Saga.make({
 *   name: "order",
 *   input: Order,
 *   steps: (saga) =>
 *     saga
 *       .transaction("reserve", {
 *         result: Schema.Struct({ seat: Schema.Int }),
 *         run: (order) => reserveSeat(order),
 *         compensate: (_, { reserve }) => freeSeat(reserve.seat),
 *       })
 *       .call("charge", {
 *         result: Schema.Struct({ chargeId: Schema.String }),
 *         run: (order, { reserve }, { key }) => payments.charge(order.card, reserve.seat, key),
 *         compensate: (_, __, { key, runKey }) => payments.refund(runKey, key),
 *       }),
 * })
 *
 * yield* OrderSaga.work() // in the servers that carry it out
 * yield* OrderSaga.start("order-7", order) // in the caller's unit of work, or in one of its own
 * const { status, results, timeline } = yield* OrderSaga.await("order-7")
 */
import { type Effect, type Option, Schema, type Scope } from "effect"
import type { AggregateStore, Page } from "../consistency/AggregateStore.ts"
import type { StorageError, Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as DueWork from "../messaging/DueWork.ts"
import type { Definition } from "./SagaChange.ts"
import type { SagaEvent } from "./SagaEvents.ts"
import * as Metrics from "./SagaMetrics.ts"
import * as Operations from "./SagaOperations.ts"
import { starter } from "./SagaStart.ts"
import { none, type Steps } from "./SagaSteps.ts"
import * as Watch from "./SagaWatch.ts"
import * as Worker from "./SagaWorker.ts"

export type { Done, Entry, Outcome, Parked, Reason } from "../kernel/workflow/SagaState.ts"
export { SagaEvent, Sagas, toLog } from "./SagaEvents.ts"
export { type Cancelled, NoSuchSaga, SagaNotParked, type Status, type View } from "./SagaOperations.ts"
export type { CallStep, CompensationContext, StepContext, Steps, TransactionStep } from "./SagaSteps.ts"
export type { WorkOptions } from "./SagaWorker.ts"

export interface SagaOptions<I, II, Results, R, RE> {
  /** Names it in the store, in logs and in metrics. */
  readonly name: string
  readonly input: Schema.Schema<I, II>
  readonly steps: (saga: Steps<I, object, never>) => Steps<I, Results, R>
  /** Raise it when a step comes to mean something else, or steps are added, removed or moved. 1 if not given. */
  readonly version?: number
  /** Older versions whose running sagas this definition goes on with: the steps they have done must be its first ones. */
  readonly continues?: ReadonlyArray<number>
  /** Hears of each turn that a saga takes, in the same unit of work. `Saga.toLog` appends it to the log. */
  readonly events?: (event: SagaEvent) => Effect.Effect<unknown, StorageError, RE | Transaction>
  /** How long a finished saga can still be looked up, and its id is taken. 30 days if not given. */
  readonly keepForMillis?: number
}

type Stores = AggregateStore | UnitOfWork

export interface Saga<I, Results, R, RE> {
  readonly name: string
  /**
   * In the caller's unit of work, if there is one; else it begins at once where a worker of this process has room for it.
   * `duplicate`: there is, or was, a saga with this id; it stays as it is.
   */
  readonly start: (
    id: string,
    input: I,
  ) => Effect.Effect<{ readonly id: string; readonly duplicate: boolean }, StorageError, Stores | RE>
  /** Carries sagas out until the scope closes; steps that run then may finish, and the rest is given back. */
  readonly work: (options?: Worker.WorkOptions) => Effect.Effect<void, never, Stores | Scope.Scope | R | RE>
  /** As it is now: status, results, timeline. None where there is no such saga. */
  readonly status: (
    id: string,
  ) => Effect.Effect<Option.Option<Operations.View<I, Results>>, StorageError, AggregateStore>
  /** Waits until it is over, or parked: that may take days, so give it a timeout. */
  readonly await: (
    id: string,
  ) => Effect.Effect<Operations.View<I, Results>, StorageError | Operations.NoSuchSaga, AggregateStore>
  /** Has it turn back, if it still goes forward. A step that runs at the moment ends first, and is compensated too. */
  readonly cancel: (
    id: string,
    why?: string,
  ) => Effect.Effect<Operations.Cancelled, StorageError | Operations.NoSuchSaga, Stores | RE>
  /** A person has a parked one tried again, with all its attempts. `note`: who, and why. */
  readonly retry: (
    id: string,
    note: string,
  ) => Effect.Effect<void, StorageError | Operations.NoSuchSaga | Operations.SagaNotParked, Stores | RE>
  /**
   * A person says that what a parked one waits for is settled: its compensation was made by hand, and it goes on with
   * those before it. One whose definition has changed is ended so.
   */
  readonly settle: (
    id: string,
    note: string,
  ) => Effect.Effect<void, StorageError | Operations.NoSuchSaga | Operations.SagaNotParked, Stores | RE>
  /** Those that are not over, by id; `after` is the last one seen. */
  readonly list: (page: Page) => Effect.Effect<ReadonlyArray<Operations.View<I, Results>>, StorageError, AggregateStore>
  readonly listFinished: (
    page: Page,
  ) => Effect.Effect<ReadonlyArray<Operations.View<I, Results>>, StorageError, AggregateStore>
  /** Those that wait for a person. */
  readonly listParked: (
    page: Page,
  ) => Effect.Effect<ReadonlyArray<Operations.View<I, Results>>, StorageError, AggregateStore>
}

const KEEP_FOR_MILLIS = 30 * 86_400_000

export const make = <I, II, Results, R, RE = never>(
  options: SagaOptions<I, II, Results, R, RE>,
): Saga<I, Results, R, RE> => {
  const { name } = options
  const built = options.steps(none<I>())
  const steps = built.list
  const definition: Definition<I, RE> = {
    name,
    plan: {
      version: options.version ?? 1,
      continues: options.continues ?? [],
      steps: steps.map((step) => ({ ...step, compensable: step.compensate !== undefined })),
    },
    decodeInput: Schema.decodeUnknownEither(options.input),
    decoders: steps.map(({ decode }) => decode),
    onEvent: options.events,
    metrics: Metrics.make(name),
    keepForMillis: options.keepForMillis ?? KEEP_FOR_MILLIS,
    watch: Watch.make(),
    admission: DueWork.makeAdmission(),
  }
  const encodeInput = Schema.encodeSync(options.input)
  const operations = Operations.make<I, Results, RE>(definition, built.hasAll)
  return {
    name,
    start: starter(definition, encodeInput),
    work: (work = {}) => Worker.make<I, R | RE>({ ...definition, steps }, work),
    status: operations.find,
    await: operations.awaited,
    cancel: operations.cancel,
    retry: (id, note) => operations.unpark(id, { _tag: "Retried", note }),
    settle: (id, note) => operations.unpark(id, { _tag: "Settled", note }),
    list: operations.list,
    listFinished: operations.listFinished,
    listParked: operations.listParked,
  }
}
