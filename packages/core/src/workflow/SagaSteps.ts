/**
 * The steps of a saga, with their types: what each gives, what those after it may use, and how it is undone.
 *
 * @example
 * Saga.make({
 *   name: "order",
 *   input: Order,
 *   steps: (saga) =>
 *     saga
 *       .transaction("reserve", { result: Seat, run: (order) => seats.reserve(order), compensate: … })
 *       .call("charge", { result: Charge, run: (order, { reserve }, { key }) => payments.charge(order, reserve, key) })
 * })
 */
import { Effect, type Either, type ParseResult, Schema } from "effect"
import type { Transaction } from "../consistency/UnitOfWork.ts"
import * as Retry from "../kernel/resilience/Retry.ts"
import * as SagaRecord from "./SagaRecord.ts"

/** What a step is told of its attempt. */
export interface StepContext {
  readonly saga: string
  readonly id: string
  readonly step: string
  /** From 1. */
  readonly attempt: number
  /** The same for every attempt: give it to the other side, so that it does the same thing only once. `saga/<name>/<id>/<step>`, and `…/compensate` for its compensation. */
  readonly key: string
}

/** What a compensation is told as well. */
export interface CompensationContext extends StepContext {
  /** The key that the step was run with. */
  readonly runKey: string
}

interface StepOptions {
  /** How often and how long it is tried; only what may pass, by `Fault`. `Retry.system` of the kernel if not given: 10 attempts within 5 min. */
  readonly retry?: Partial<Retry.RetrySettings>
  /** The same for its compensation. After that it is parked for a person. */
  readonly compensationRetry?: Partial<Retry.RetrySettings>
}

/**
 * A step that happens in the unit of work that records it: exactly once. It must not wait for anything but the store.
 * Its result must fit its schema, else it dies.
 */
export interface TransactionStep<I, Results, N extends string, A, AI, R, RC> extends StepOptions {
  readonly result: Schema.Schema<A, AI>
  readonly run: (input: I, results: Results, context: StepContext) => Effect.Effect<A, unknown, R | Transaction>
  readonly compensate?: (
    input: I,
    results: Results & Named<N, A>,
    context: CompensationContext,
  ) => Effect.Effect<unknown, unknown, RC | Transaction>
}

/** A step outside the store: at least once, with the same key each time. */
export interface CallStep<I, Results, N extends string, A, AI, R, RC> extends StepOptions {
  readonly result: Schema.Schema<A, AI>
  /** How long an attempt may take, in milliseconds; it is interrupted then, and tried again. 30 s if not given. */
  readonly timeoutMillis?: number
  readonly run: (input: I, results: Results, context: StepContext) => Effect.Effect<A, unknown, R>
  /**
   * The step's own result is absent when it was given up without knowing whether it happened: undo it by `runKey`, and
   * succeed if the other side knows nothing of it.
   */
  readonly compensate?: (
    input: I,
    results: Results & Partial<Named<N, A>>,
    context: CompensationContext,
  ) => Effect.Effect<unknown, unknown, RC>
}

/** The results so far, by the names of their steps. */
type Named<N extends string, A> = { readonly [K in N]: A }

/** The steps so far; each call adds one, and gives its result to those after it. */
export interface Steps<I, Results, R> {
  readonly transaction: <N extends string, A, AI, R1 = never, RC = never>(
    name: N,
    step: TransactionStep<I, Results, N, A, AI, R1, RC>,
  ) => Steps<I, Results & Named<N, A>, R | R1 | RC>
  readonly call: <N extends string, A, AI, R1 = never, RC = never>(
    name: N,
    step: CallStep<I, Results, N, A, AI, R1, RC>,
  ) => Steps<I, Results & Named<N, A>, R | R1 | RC>
  readonly list: ReadonlyArray<Step<I, R>>
  /** Whether these are the results of all the steps. */
  readonly hasAll: (results: object) => results is object & Results
}

/** A result, and how it is stored. */
export interface StepResult {
  readonly value: unknown
  readonly encoded: unknown
}

/** A step whose types have done their work: results are kept by name. */
export type Step<I, R> = StepOf<I, R | Transaction, true> | StepOf<I, R, false>

export interface StepOf<I, R, T extends boolean> {
  readonly name: string
  readonly transactional: T
  readonly timeoutMillis: number
  readonly retry: Retry.RetrySettings
  readonly compensationRetry: Retry.RetrySettings
  readonly decode: (encoded: unknown) => Either.Either<unknown, ParseResult.ParseError>
  readonly run: (input: I, results: object, context: StepContext) => Effect.Effect<StepResult, unknown, R>
  readonly compensate:
    | ((input: I, results: object, context: CompensationContext) => Effect.Effect<unknown, unknown, R>)
    | undefined
}

const TIMEOUT_MILLIS = 30_000

/** No steps yet. */
export const none = <I>(): Steps<I, object, never> =>
  stepsOf<I, object, never>([], (results): results is object => typeof results === "object")

const stepsOf = <I, Results, R>(
  list: ReadonlyArray<Step<I, R>>,
  hasAll: (results: object) => results is object & Results,
): Steps<I, Results, R> => {
  const extend = <N extends string, A, R1>(name: N, step: Step<I, R1>) => {
    if (list.some((other) => other.name === name)) throw new Error(`The saga has two steps with the name "${name}"`)
    const has = (results: object): results is object & Results & Named<N, A> => name in results && hasAll(results)
    return stepsOf<I, Results & Named<N, A>, R | R1>([...list, step], has)
  }
  return {
    list,
    hasAll,
    transaction: <N extends string, A, AI, R1 = never, RC = never>(
      name: N,
      step: TransactionStep<I, Results, N, A, AI, R1, RC>,
    ) => {
      const withOwn = (results: object): results is object & Results & Named<N, A> => name in results && hasAll(results)
      const { compensate } = step
      const encode = Schema.encodeSync(step.result)
      return extend<N, A, R1 | RC>(name, {
        ...basics(name, step),
        transactional: true,
        timeoutMillis: Number.POSITIVE_INFINITY,
        run: (input, results, context) =>
          hasAll(results) ? encoding(encode, step.run(input, results, context)) : missing(name),
        compensate:
          compensate === undefined
            ? undefined
            : (input, results, context) => (withOwn(results) ? compensate(input, results, context) : missing(name)),
      })
    },
    call: <N extends string, A, AI, R1 = never, RC = never>(name: N, step: CallStep<I, Results, N, A, AI, R1, RC>) => {
      const withOwnMaybe = (results: object): results is object & Results & Partial<Named<N, A>> => hasAll(results)
      const { compensate } = step
      const encode = Schema.encodeSync(step.result)
      return extend<N, A, R1 | RC>(name, {
        ...basics(name, step),
        transactional: false,
        timeoutMillis: step.timeoutMillis ?? TIMEOUT_MILLIS,
        run: (input, results, context) =>
          hasAll(results) ? encoding(encode, step.run(input, results, context)) : missing(name),
        compensate:
          compensate === undefined
            ? undefined
            : (input, results, context) =>
                withOwnMaybe(results) ? compensate(input, results, context) : missing(name),
      })
    },
  }
}

const basics = <A, AI>(name: string, step: StepOptions & { readonly result: Schema.Schema<A, AI> }) => ({
  name,
  retry: { ...Retry.system, ...step.retry },
  compensationRetry: { ...Retry.system, ...step.compensationRetry },
  decode: Schema.decodeUnknownEither(step.result),
})

const encoding = <A, E, R>(encode: (value: A) => unknown, run: Effect.Effect<A, E, R>) =>
  Effect.map(run, (value): StepResult => ({ value, encoded: SagaRecord.asRead(encode(value)) }))

/** The shell hands over the results of all steps before; if not, it is at fault. */
const missing = (name: string): Effect.Effect<never> =>
  Effect.die(new Error(`The results before the step "${name}" are not all there`))
