/**
 * Units of work that several share: what many want to store at the same moment is stored in one, which costs a fraction
 * of one each.
 *
 * Each has its own answer. When the shared unit fails, nothing of it has happened, and each is run alone, so that nobody
 * is blamed for another's fault; what the store cannot do for anybody at the moment is everybody's trouble at once. So
 * what is joined may run more than once, as any unit may, and must be short: the others wait for it.
 *
 * @example
 * const units = SharedUnits.make(work, runtime)
 * yield* Effect.uninterruptible(units.join(store.update(kind, id, version, next))) // answered when it is durable
 */
import { Cause, type Context, Effect, Exit, Option, Runtime } from "effect"
import { StorageError, type Transaction, type UnitOfWork } from "../consistency/UnitOfWork.ts"

export interface SharedUnits {
  /** To be run where nothing is interrupted: else it would not be known whether it has happened. */
  readonly join: <A, E>(body: Effect.Effect<A, E, Transaction>) => Effect.Effect<A, E | StorageError>
}

/** At most so many share one unit, so that none waits long for the others. */
const MOST = 100
/** So many units at once, for engines that can run more than one. */
const UNITS_AT_ONCE = 4
/** So often it looks whether more come in the same turn. */
const LOOKS = 4

type Work = Context.Tag.Service<typeof UnitOfWork>

/** One of those that share a unit. Its types stay inside. */
interface Part {
  /** Its body, as a part of the shared unit. */
  readonly body: Effect.Effect<void, unknown, Transaction>
  /** The unit is durable. */
  readonly stored: () => void
  readonly refused: (trouble: StorageError) => void
  /** In a unit of its own, with its own answer. */
  readonly alone: () => Effect.Effect<void>
}

/** Made once: a stack for each part would cost more than the part. */
const NEVER_RAN = Exit.die(new Error("A shared unit of work was answered without having run"))

const partOf = <A, E>(
  work: Work,
  body: Effect.Effect<A, E, Transaction>,
  answer: (exit: Exit.Exit<A, E | StorageError>) => void,
): Part => {
  let last: Exit.Exit<A> = NEVER_RAN
  return {
    body: Effect.map(body, (value) => {
      last = Exit.succeed(value)
    }),
    stored: () => answer(last),
    refused: (trouble) => answer(Exit.fail(trouble)),
    alone: () => Effect.map(Effect.exit(work.run(body)), answer),
  }
}

/** `runtime` is where the shared units run; what is joined brings all else that it needs. */
export const make = (work: Work, runtime: Runtime.Runtime<never>): SharedUnits => {
  let waiting: Array<Part> = []
  let running = 0
  let gathering = false

  const gather = (): void => {
    if (gathering || running >= UNITS_AT_ONCE || waiting.length === 0) return
    gathering = true
    Runtime.runFork(runtime)(unit)
  }

  const unit = Effect.gen(function* () {
    // Who comes in the same turn is taken along.
    for (let look = 0, before = 0; look < LOOKS && waiting.length > before && waiting.length < MOST; look++) {
      before = waiting.length
      yield* Effect.yieldNow()
    }
    const parts = waiting.slice(0, MOST)
    waiting = waiting.slice(MOST)
    gathering = false
    running++
    gather()
    yield* carryOut(work, parts)
    running--
    gather()
  })

  return {
    join: <A, E>(body: Effect.Effect<A, E, Transaction>) =>
      Effect.async<A, E | StorageError>((resume) => {
        waiting.push(partOf(work, body, resume))
        gather()
      }),
  }
}

const carryOut = (work: Work, parts: ReadonlyArray<Part>): Effect.Effect<void> => {
  const [first, second] = parts
  if (first === undefined) return Effect.void
  if (second === undefined) return first.alone()
  const all = Effect.forEach(parts, ({ body }) => body, { discard: true })
  return Effect.matchCauseEffect(work.run(all), {
    onSuccess: () =>
      Effect.sync(() => {
        for (const { stored } of parts) stored()
      }),
    onFailure: (cause) => {
      const trouble = ofTheStore(cause)
      if (trouble === undefined) {
        return Effect.forEach(parts, ({ alone }) => alone(), { concurrency: "unbounded", discard: true })
      }
      return Effect.sync(() => {
        for (const { refused } of parts) refused(trouble)
      })
    },
  })
}

/** What would meet each of them again. */
const ofTheStore = (cause: Cause.Cause<unknown>): StorageError | undefined => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  return error instanceof StorageError && error.reason !== "refused" ? error : undefined
}
