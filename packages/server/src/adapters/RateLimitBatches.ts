/**
 * Rate limits in a database, many questions in one transaction: what both SQL adapters share.
 *
 * Whoever asks while a transaction is under way waits for the next one, which answers all of them, in order, by
 * `kernel/resilience/RateLimiter`. So a key that everybody asks for costs one locked row a transaction, not one a call.
 */
import { RateLimiter } from "@paceline/core/kernel"
import { type Ask, RateLimitStore } from "@paceline/core/resilience"
import { type Context, Deferred, Effect, Exit, Queue, type Scope } from "effect"

/** What a database keeps of one key and limit. */
export interface LimitRow {
  readonly limit: string
  readonly key: string
  /** The kernel's four numbers. */
  readonly cells: Float64Array
  /** The window that they are counted in, in milliseconds. */
  windowMillis: number
  /** From when on the row is as good as none, in milliseconds of the store's clock. */
  forgetAtMillis: number
}

type LimitKey = Pick<LimitRow, "limit" | "key">

export interface LimitTransaction<E> {
  /** The rows that there are of these keys, locked until the commit, and the time then. */
  readonly load: (
    keys: ReadonlyArray<LimitKey>,
  ) => Effect.Effect<{ readonly rows: ReadonlyArray<LimitRow>; readonly nowMillis: number }, E>
  readonly save: (rows: ReadonlyArray<LimitRow>) => Effect.Effect<void, E>
  /** Runs load and save as one. */
  readonly run: <A>(body: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

interface Question {
  readonly asks: ReadonlyArray<Ask>
  /** Undefined: give back. */
  readonly maxWaitMillis: number | undefined
  readonly answer: Deferred.Deferred<RateLimiter.Verdict, RateLimitStore.RateLimitStoreError>
}

/** At most so many questions are answered by one transaction. */
const QUESTIONS_AT_ONCE = 500

const nameOf = ({ key, limit }: LimitKey): string => JSON.stringify([limit, key])

/** When the row will be as a fresh one: what was used has drained, and halvings are forgotten, one a window. */
const forgetAt = ({ cells }: LimitRow, limit: RateLimiter.Limit, nowMillis: number): number => {
  const [used = 0, , behaviour = 0] = cells
  const drained = used / RateLimiter.effectiveLimit(cells, 0, limit)
  return Math.ceil(nowMillis + Math.max(drained, behaviour > 0 ? WINDOWS_TO_CALM * limit.windowMillis : 0))
}

/** One for the refusals, and one for each of at most three halvings. */
const WINDOWS_TO_CALM = 4

/** The rows of one transaction, as they change from question to question. */
class Rows {
  readonly #rows: Map<string, LimitRow>
  readonly #nowMillis: number
  readonly changed = new Set<LimitRow>()

  constructor(rows: ReadonlyArray<LimitRow>, nowMillis: number) {
    this.#rows = new Map(rows.map((row) => [nameOf(row), row]))
    this.#nowMillis = nowMillis
  }

  answer({ asks, maxWaitMillis }: Question): RateLimiter.Verdict {
    const claims = asks.map((ask) => ({ row: this.#rowOf(ask), limit: ask.limit, cost: ask.cost ?? 1 }))
    const kernel = claims.map(({ cost, limit, row }) => ({ cells: row.cells, offset: 0, limit, cost }))
    const behaviour = claims.map(({ row }) => row.cells[2])
    if (maxWaitMillis === undefined) {
      for (const { cells, cost, limit } of kernel) RateLimiter.refund(cells, 0, limit, cost)
    }
    const verdict =
      maxWaitMillis === undefined ? RateLimiter.ALLOWED : RateLimiter.takeAll(kernel, this.#nowMillis, maxWaitMillis)
    claims.forEach(({ limit, row }, i) => {
      // A refusal that was not noted changed nothing that time would not.
      if (!verdict.allowed && row.cells[2] === behaviour[i]) return
      row.forgetAtMillis = forgetAt(row, limit, this.#nowMillis)
      this.changed.add(row)
    })
    return verdict
  }

  #rowOf({ key, limit }: Ask): LimitRow {
    const name = nameOf({ key, limit: limit.name })
    let row = this.#rows.get(name)
    if (row === undefined) {
      const cells = new Float64Array(RateLimiter.CELLS)
      row = { limit: limit.name, key, cells, windowMillis: limit.windowMillis, forgetAtMillis: 0 }
      this.#rows.set(name, row)
    } else if (row.windowMillis !== limit.windowMillis) {
      // What was used is counted in calls × window: in a window of another length it is as many calls.
      row.cells[0] = Math.ceil(((row.cells[0] ?? 0) * limit.windowMillis) / row.windowMillis)
      row.windowMillis = limit.windowMillis
    }
    return row
  }
}

/** @param explain the store's own trouble, in words */
export const make = <E>(
  transaction: LimitTransaction<E>,
  explain: (error: E) => string,
): Effect.Effect<Context.Tag.Service<typeof RateLimitStore.RateLimitStore>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const questions = yield* Queue.unbounded<Question>()

    const answerAll = (batch: ReadonlyArray<Question>) =>
      transaction.run(
        Effect.gen(function* () {
          const asked = batch.flatMap(({ asks }) => asks.map(({ key, limit }) => ({ key, limit: limit.name })))
          const keys = [...new Map(asked.map((key) => [nameOf(key), key])).values()]
          const { nowMillis, rows } = yield* transaction.load(keys)
          const state = new Rows(rows, nowMillis)
          const verdicts = batch.map((question) => state.answer(question))
          if (state.changed.size > 0) yield* transaction.save([...state.changed])
          return verdicts
        }),
      )

    const close = (batch: Iterable<Question>) => {
      const closed = new RateLimitStore.RateLimitStoreError({ message: "The limits cannot be asked: they are closed" })
      return Effect.forEach(batch, ({ answer }) => Deferred.fail(answer, closed), { discard: true })
    }

    const turn = Effect.gen(function* () {
      const batch = [...(yield* Queue.takeBetween(questions, 1, QUESTIONS_AT_ONCE))]
      const answered = Effect.mapError(answerAll(batch), (cause) => {
        const message = `The limits cannot be asked: ${explain(cause)}`
        return new RateLimitStore.RateLimitStoreError({ message, cause })
      })
      const exit = yield* Effect.onInterrupt(Effect.exit(answered), () => close(batch))
      yield* Effect.forEach(batch, ({ answer }, i) =>
        Deferred.done(
          answer,
          Exit.map(exit, (verdicts) => verdicts[i] ?? RateLimiter.ALLOWED),
        ),
      )
    })
    yield* Effect.addFinalizer(() => Effect.flatMap(Queue.takeAll(questions), close))
    yield* Effect.forkScoped(Effect.forever(turn))

    const ask = (asks: ReadonlyArray<Ask>, maxWaitMillis: number | undefined) =>
      Effect.flatMap(Deferred.make<RateLimiter.Verdict, RateLimitStore.RateLimitStoreError>(), (answer) => {
        questions.unsafeOffer({ asks, maxWaitMillis, answer })
        return Deferred.await(answer)
      })

    return { take: ask, refund: (asks) => Effect.asVoid(ask(asks, undefined)) }
  })
