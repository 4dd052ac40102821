/**
 * `UnitOfWork` in memory: the body runs in one go, and what it changed is undone when it fails.
 *
 * As on the embedded store a body that waits for anything is undone and dies, and a unit inside a unit joins it. What
 * changes data registers how to undo it with the unit that is running; so there is one way to roll back, whatever the
 * data looks like. Nothing is durable: it is for tests, and for what may be forgotten with the process.
 */
import { Transaction, type UnitOfWork } from "@paceline/core/consistency"
import { Context, Effect, Exit, Option, type Runtime } from "effect"
import { runInOneGo } from "../InOneGo.ts"

/** A unit while its body runs: how to undo what it did, and what to do once it is kept. */
export class MemoryUnit {
  readonly #undo: Array<() => void> = []
  readonly #actions: Array<() => void> = []
  readonly #ends: Array<() => void>
  #open = true
  #inner: MemoryUnit | undefined

  /** @param ends what the outermost unit does when it has ended; its inner ones add to it. */
  constructor(ends: Array<() => void> = []) {
    this.#ends = ends
  }

  get isOpen(): boolean {
    return this.#open
  }

  readonly afterCommit = (action: () => void): void => {
    this.assertOpen()
    this.#actions.push(action)
  }

  /** Says how to undo what was just changed. */
  onRollback(undo: () => void): void {
    this.assertOpen()
    this.#undo.push(undo)
  }

  /** Says what to do when the outermost unit has ended, however it did. */
  onEnd(action: () => void): void {
    this.#ends.push(action)
  }

  openInner(): MemoryUnit {
    this.assertOpen()
    if (this.#inner?.isOpen === true) {
      throw new Error("The units inside one unit of work must run one after the other, not concurrently.")
    }
    this.#inner = new MemoryUnit(this.#ends)
    return this.#inner
  }

  /** What the inner one did is now this one's to keep or to undo. */
  join(inner: MemoryUnit): void {
    this.#undo.push(...inner.#undo)
    this.#actions.push(...inner.#actions)
  }

  /** Ends the unit: undone, or kept and told what is to be done now. */
  end(keep: boolean): ReadonlyArray<() => void> {
    this.#open = false
    if (keep) return this.#actions
    for (const undo of this.#undo.toReversed()) undo()
    return []
  }

  /** Ends the outermost unit. */
  endAll(keep: boolean): ReadonlyArray<() => void> {
    const actions = this.end(keep)
    for (const action of this.#ends) action()
    return actions
  }

  assertOpen(): void {
    if (!this.#open) throw new Error("This unit of work has ended: nothing more can be read or written through it.")
    if (this.#inner?.isOpen === true) throw new Error("A unit inside this unit of work is still running.")
  }
}

/** The unit that the caller's transaction is. */
export const unitOf = (transaction: Context.Tag.Service<typeof Transaction>): MemoryUnit => {
  if (!(transaction instanceof MemoryUnit)) throw new Error("This transaction belongs to another store")
  transaction.assertOpen()
  return transaction
}

/** Whose eyes look: those of the unit that is running, or those of everybody else. */
export type View = "unit" | "committed"

/** With whose eyes the caller reads. */
const viewOf = (context: Context.Context<never>): View => {
  const transaction = Option.getOrUndefined(Context.getOption(context, Transaction))
  return transaction instanceof MemoryUnit && transaction.isOpen ? "unit" : "committed"
}

/** Reads what the caller may see. */
export const reading = <A>(read: (view: View) => A): Effect.Effect<A> =>
  Effect.contextWith((context: Context.Context<never>) => read(viewOf(context)))

const runActions = (actions: ReadonlyArray<() => void>): Effect.Effect<void> =>
  Effect.forEach(
    actions,
    (action) =>
      Effect.catchAllCause(Effect.sync(action), (cause) =>
        Effect.logError("Something to do after a commit failed.", cause),
      ),
    { discard: true },
  )

const inUnit = <A, E, R>(
  body: Effect.Effect<A, E, R>,
  unit: MemoryUnit,
): Effect.Effect<A, E, Exclude<R, Transaction>> => Effect.provideService(body, Transaction, unit)

const outermost = <A, E, R>(
  body: Effect.Effect<A, E, R>,
  runtime: Runtime.Runtime<Exclude<R, Transaction>>,
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const unit = new MemoryUnit()
    const exit = runInOneGo(runtime, inUnit(body, unit))
    const actions = unit.endAll(Exit.isSuccess(exit))
    return actions.length === 0 ? exit : Effect.zipRight(runActions(actions), exit)
  })

const joining = <A, E, R>(
  body: Effect.Effect<A, E, R>,
  outer: MemoryUnit,
): Effect.Effect<A, E, Exclude<R, Transaction>> =>
  Effect.acquireUseRelease(
    Effect.sync(() => outer.openInner()),
    (inner) => inUnit(body, inner),
    (inner, exit) =>
      Effect.sync(() => {
        inner.end(Exit.isSuccess(exit))
        if (Exit.isSuccess(exit)) outer.join(inner)
      }),
  )

export const make = (): Context.Tag.Service<typeof UnitOfWork> => ({
  run: <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Transaction>> =>
    Effect.flatMap(Effect.runtime<Exclude<R, Transaction>>(), (runtime) => {
      const outer = Option.getOrUndefined(Context.getOption(runtime.context, Transaction))
      return outer instanceof MemoryUnit && outer.isOpen ? joining(body, outer) : outermost(body, runtime)
    }),
})
