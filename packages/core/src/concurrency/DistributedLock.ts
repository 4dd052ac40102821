/**
 * A lock among processes: one holder of a resource at a time, for as long as it renews, and a store that refuses those
 * who only think that they hold it.
 *
 * `acquire` gives a lease with a fencing token, greater than every one before it. While its scope is open the lease is
 * renewed each third of its time to live; at the end it is released, by its owner only, and who waits is woken. A lease
 * that could not be renewed is lost: it says so before the next write (`ensureHeld`), and what runs under `guard` is
 * interrupted. A process that was paused between the look and the write is stopped by the store: it checks the token in
 * the transaction that writes (`Fencing`, in `@paceline/core/consistency`). A lock is not reentrant.
 *
 * @example
 * yield* DistributedLock.withLock(`seats/${eventId}`, (lease) =>
 *   Fencing.guarded(lease, seats.assign(athleteId)))
 */
import { Config, type ConfigError, Context, Duration, Effect, Exit, Layer, Scope } from "effect"
import * as Kernel from "../kernel/concurrency/Lease.ts"
import { checked } from "./CheckedConfig.ts"
import { keep, type Lease } from "./LeaseKeeper.ts"
import { atFront, LockAttempts } from "./LockAttempts.ts"
import { count } from "./LockCounters.ts"
import { type AcquireError, type LeaseLost, LockTimeout, LockTooLate } from "./LockErrors.ts"
import type { LockEvent } from "./LockEvents.ts"
import { LockLines } from "./LockLines.ts"
import { LockStore } from "./LockStore.ts"
import * as MemoryLockStore from "./MemoryLockStore.ts"
import { Timers } from "./Timers.ts"

export type { Lease } from "./LeaseKeeper.ts"
export { type AcquireError, LeaseLost, LockTimeout, LockTooLate, LockUnavailable } from "./LockErrors.ts"
export type { LockEvent } from "./LockEvents.ts"
export { LockStore, type LockStoreService, type StoreAttempt } from "./LockStore.ts"

const DEFAULT = { ttl: Duration.seconds(30), wait: Duration.seconds(5), poll: Duration.seconds(1) } as const

export interface LockOptions {
  /** How long the lease lasts without a renewal. Default 30 s. */
  readonly ttl?: Duration.DurationInput
  /** How long to wait for it. Default 5 s; 0 asks once. */
  readonly wait?: Duration.DurationInput
}

export interface LockSettings extends LockOptions {
  /** How often the front of a line asks although it heard of no release. Default 1 s, and when the lease expires. */
  readonly poll?: Duration.DurationInput
  /** Called at once: keep it short. */
  readonly onEvent?: (event: LockEvent) => void
}

export class DistributedLock extends Context.Tag("@paceline/core/concurrency/DistributedLock")<
  DistributedLock,
  {
    /** A lease that is renewed until the scope closes, and then released. */
    readonly acquire: (resource: string, options?: LockOptions) => Effect.Effect<Lease, AcquireError, Scope.Scope>
    /** Runs `use` while the lock is held; interrupts it, and fails, when the lease is lost. */
    readonly withLock: <A, E, R>(
      resource: string,
      use: (lease: Lease) => Effect.Effect<A, E, R>,
      options?: LockOptions,
    ) => Effect.Effect<A, E | AcquireError | LeaseLost, R>
  }
>() {}

type Service = Context.Tag.Service<typeof DistributedLock>

/** As the service's `withLock`. */
export const withLock = <A, E, R>(
  resource: string,
  use: (lease: Lease) => Effect.Effect<A, E, R>,
  options?: LockOptions,
): Effect.Effect<A, E | AcquireError | LeaseLost, R | DistributedLock> =>
  Effect.flatMap(DistributedLock, (lock) => lock.withLock(resource, use, options))

/** Over the store in the context. All renewals and waits are on the wheel of `Timers`. */
export const make = (settings: LockSettings = {}): Effect.Effect<Service, never, LockStore | Timers | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* LockStore
    const timers = yield* Timers
    const scope = yield* Effect.scope
    const lines = new LockLines(timers)
    yield* store.onRelease(lines.wake)
    const pollMillis = Duration.toMillis(settings.poll ?? DEFAULT.poll)
    const millisOf = (options: LockOptions | undefined) => ({
      ttlMillis: Duration.toMillis(options?.ttl ?? settings.ttl ?? DEFAULT.ttl),
      waitMillis: Duration.toMillis(options?.wait ?? settings.wait ?? DEFAULT.wait),
    })

    const tell = (event: LockEvent): void => {
      count(event)
      settings.onEvent?.(event)
    }

    const acquire: Service["acquire"] = (resource, options) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const { ttlMillis, waitMillis } = millisOf(options)
          const owner = crypto.randomUUID()
          const arrivedAt = timers.now()
          const deadline = arrivedAt + waitMillis
          const place = lines.enter(resource, deadline)
          const asking = new LockAttempts({ store, timers, scope, resource, owner, ttlMillis, pollMillis })
          const abandon = Effect.suspend(() => {
            place.leave()
            return asking.abandon
          })
          const refuse = (error: AcquireError) => {
            tell({ _tag: "NotAcquired", resource, error })
            return Effect.fail(error)
          }

          const granted = yield* Effect.flatMap(atFront(place), (front) =>
            front ? asking.until(deadline, place) : Effect.succeed(undefined),
          ).pipe(
            restore,
            Effect.onExit((exit) => (Exit.isSuccess(exit) && exit.value !== undefined ? Effect.void : abandon)),
            Effect.catchAll(refuse),
          )
          if (granted === undefined) return yield* refuse(new LockTimeout({ resource, waitMillis }))
          const now = timers.now()
          const lease = Kernel.hold(granted.token, ttlMillis, granted.askedAtMillis, now)
          if (lease === undefined) {
            yield* abandon
            const tookMillis = now - granted.askedAtMillis
            return yield* refuse(new LockTooLate({ resource, ttlMillis, tookMillis }))
          }
          tell({ _tag: "Acquired", resource, token: lease.token, waitedMillis: now - arrivedAt })
          const keeping = { store, timers, scope, resource, owner, lease, onEnd: place.leave, tell }
          const { close, ...held } = yield* keep(keeping)
          yield* Effect.addFinalizer(() => close)
          return held
        }),
      )

    return {
      acquire,
      withLock: (resource, use, options) =>
        Effect.acquireUseRelease(
          Scope.make(),
          (own) => Effect.flatMap(Scope.extend(acquire(resource, options), own), (lease) => lease.guard(use(lease))),
          Scope.close,
        ),
    }
  })

export const layer = (settings?: LockSettings): Layer.Layer<DistributedLock, never, LockStore | Timers> =>
  Layer.scoped(DistributedLock, make(settings))

/** Among the fibers of this process only. */
export const layerMemory = (settings?: LockSettings): Layer.Layer<DistributedLock | LockStore, never, Timers> =>
  Layer.provideMerge(layer(settings), MemoryLockStore.layer)

/** `LOCK_TTL`, `LOCK_WAIT` and `LOCK_POLL`, as "30 seconds". */
export const config: Config.Config<LockSettings> = Config.all({
  ttl: Config.duration("TTL").pipe(Config.withDefault(DEFAULT.ttl)),
  wait: Config.duration("WAIT").pipe(Config.withDefault(DEFAULT.wait)),
  poll: Config.duration("POLL").pipe(Config.withDefault(DEFAULT.poll)),
}).pipe(Config.nested("LOCK"))

export const layerConfig = (
  read: Config.Config<LockSettings> = config,
): Layer.Layer<DistributedLock, ConfigError.ConfigError, LockStore | Timers> =>
  Layer.unwrapEffect(
    Effect.map(
      checked(read, "lock", ({ poll, ttl, wait }) => [
        { setting: "ttl in ms", value: millis(ttl), from: 0, to: LONGEST_MILLIS, exclusive: "from" },
        { setting: "wait in ms", value: millis(wait), from: 0, to: LONGEST_MILLIS },
        { setting: "poll in ms", value: millis(poll), from: 0, to: LONGEST_MILLIS, exclusive: "from" },
      ]),
      layer,
    ),
  )

/** A lease that lasts longer than a year is a slip: a holder that died would keep it. */
const LONGEST_MILLIS = 365 * 24 * 3_600_000

const millis = (duration: Duration.DurationInput | undefined): number | undefined =>
  duration === undefined ? undefined : Duration.toMillis(duration)
