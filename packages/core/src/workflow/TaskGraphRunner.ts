/** Carries out one claimed run of a task graph: what is ready runs, and what ends is stored, until all has ended. */
import { Cause, Duration, Effect, Exit, Queue, Random } from "effect"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as Kernel from "../kernel/workflow/TaskGraph.ts"
import * as DueWork from "../messaging/DueWork.ts"
import * as Failure from "../messaging/Failure.ts"
import * as State from "./TaskGraphState.ts"

/** What a task is told. */
export interface TaskRun {
  readonly graph: string
  /** The graph's run. */
  readonly runId: string
  readonly task: string
  /** 1 at first. */
  readonly attempt: number
}

interface Settings {
  readonly after: Readonly<Record<string, Kernel.Condition>>
  readonly attempts: number
  readonly backoff: Backoff.Backoff
}

/** A task with all that it needs. */
export type BoundTask = Settings &
  (
    | {
        readonly guarantee: "at-least-once" | "at-most-once"
        readonly run: (run: TaskRun) => Effect.Effect<void, unknown>
      }
    | {
        readonly guarantee: "exactly-once"
        readonly run: (run: TaskRun) => Effect.Effect<void, unknown, Transaction>
      }
  )

export const carryOut = (
  name: string,
  graph: Kernel.TaskGraph,
  tasks: Readonly<Record<string, BoundTask>>,
  claim: DueWork.Claim,
): Effect.Effect<void, StorageError | DueWork.ClaimLost> =>
  Effect.scoped(
    Effect.gen(function* () {
      let run = yield* State.read(claim.state)
      const turn = yield* Effect.makeSemaphore(1)
      const ended = yield* Queue.unbounded<Exit.Exit<void, StorageError | DueWork.ClaimLost>>()
      const running = new Set<string>()

      /** Stores the next state under the claim, with what else belongs into the unit; one at a time. */
      const store = <E = never, R = never>(next: (run: State.Run) => State.Run, also?: Effect.Effect<void, E, R>) =>
        turn.withPermits(1)(
          Effect.suspend(() => {
            const after = next(run)
            return Effect.map(
              claim.settle((change) =>
                also === undefined ? change.keep(after) : Effect.zipRight(also, change.keep(after)),
              ),
              () => {
                run = after
              },
            )
          }),
        )

      const tryOnce = (id: string, task: BoundTask) =>
        Effect.gen(function* () {
          const before = run.begun[id] ?? 0
          yield* store((run) => State.attempt(run, id))
          const told: TaskRun = { graph: name, runId: claim.id, task: id, attempt: before + 1 }
          const succeeded = (run: State.Run) => State.end(graph, run, id, "succeeded")
          if (task.guarantee === "exactly-once") return yield* Effect.exit(store(succeeded, task.run(told)))
          const exit = yield* Effect.exit(task.run(told))
          if (Exit.isSuccess(exit)) yield* store(succeeded)
          return exit
        })

      /** Tries a task until it has ended, and stores how. */
      const carry = (id: string, task: BoundTask) =>
        Effect.gen(function* () {
          let troubles = 0
          while (true) {
            const begun = run.begun[id] ?? 0
            if (begun >= task.attempts) {
              return yield* store((run) =>
                State.end(graph, State.failed(run, id, run.errors[id] ?? "It did not come back."), id, "failed"),
              )
            }
            const exit = yield* tryOnce(id, task)
            if (Exit.isSuccess(exit)) return
            yield* lostIn(exit.cause, claim)
            const error = Failure.textOf(exit.cause)
            // The store's trouble, and a guard's refusal before anything was tried, are not the task's fault.
            const innocent =
              task.guarantee !== "at-most-once" && (Failure.isStoreTrouble(exit.cause) || Failure.isRefused(exit.cause))
            const isLast = !innocent && (begun + 1 >= task.attempts || Failure.isHopeless(exit.cause))
            yield* Effect.logWarning(
              isLast ? "A task has failed." : "A task failed; it is tried again.",
              exit.cause,
            ).pipe(Effect.annotateLogs({ graph: name, run: claim.id, task: id, attempt: begun + 1 }))
            if (isLast) return yield* store((run) => State.end(graph, State.failed(run, id, error), id, "failed"))
            yield* store((run) => State.failed(innocent ? State.withdrawn(run, id) : run, id, error))
            const retry = innocent ? begun + troubles++ : begun
            const delayMillis = Backoff.delayMillis(task.backoff, retry, yield* Random.next)
            yield* Effect.sleep(Duration.millis(delayMillis))
          }
        })

      while (Kernel.outcome(graph, run.tasks) === undefined) {
        for (const id of Kernel.ready(graph, run.tasks)) {
          const task = tasks[id]
          if (running.has(id) || task === undefined) continue
          running.add(id)
          const fiber = yield* Effect.forkScoped(carry(id, task))
          fiber.addObserver((exit) => ended.unsafeOffer(exit))
        }
        const exit = yield* Queue.take(ended)
        if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
      }
      const finishedAtMs = yield* DueWork.now
      yield* claim.settle((change) => change.archive(run, finishedAtMs))
    }),
  )

/** A claim that is lost ends the run here; another worker has it. */
const lostIn = (cause: Cause.Cause<unknown>, claim: DueWork.Claim): Effect.Effect<void, DueWork.ClaimLost> => {
  const failure = Cause.failureOption(cause)
  const error = failure._tag === "Some" ? failure.value : undefined
  return error instanceof DueWork.ClaimLost && error.id === claim.id ? Effect.fail(error) : Effect.void
}
