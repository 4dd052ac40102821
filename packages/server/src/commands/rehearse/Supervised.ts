/**
 * A part of the line that is killed on purpose and started again, with the same command on the same data.
 *
 * An end that nobody ordered is noticed: `ended` completes with the exit code, for whoever must not go on then.
 */
import { Deferred, Effect, Scope } from "effect"
import * as Processes from "./Processes.ts"

export interface Supervised {
  /** Its life now, or the last one. */
  readonly current: () => Processes.ChildProcess
  /** SIGKILL, nothing for `downMillis`, and a new life. */
  readonly killAndRestart: (downMillis: number) => Effect.Effect<void, Processes.ProcessFailed>
  /** Completes with the exit code when a life ends that was not killed here. */
  readonly ended: Effect.Effect<number>
}

export const start = (
  options: Processes.ProcessOptions,
): Effect.Effect<Supervised, Processes.ProcessFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const ended = yield* Deferred.make<number>()
    const killed = new WeakSet<Processes.ChildProcess>()
    const live = Effect.gen(function* () {
      const child = yield* Processes.start(options)
      yield* child.exited.pipe(
        Effect.flatMap((code) => (killed.has(child) ? Effect.void : Deferred.succeed(ended, code))),
        Effect.forkScoped,
      )
      return child
    }).pipe(Scope.extend(scope))
    let current = yield* live
    return {
      current: () => current,
      killAndRestart: (downMillis) =>
        Effect.gen(function* () {
          killed.add(current)
          yield* current.kill
          yield* Effect.sleep(downMillis)
          current = yield* live
        }),
      ended: Deferred.await(ended),
    }
  })
