/**
 * One member of a consumer group: it says that it lives, learns which partitions are its own, and has a worker in each.
 *
 * A partition that a heartbeat no longer names, or a lease that could not be renewed in time, ends its worker at once and
 * interrupts its handler; what the worker still tries is refused by the lease's epoch. When the consumer is stopped, the
 * batches that run end and commit, and the leases are given back, so that another member goes on without waiting.
 */
import { Deferred, Duration, Effect, Exit, Fiber, Queue } from "effect"
import type { Member, PartitionLease } from "./EventLog.ts"
import { steadyMillis } from "./Parking.ts"
import type { Shared, Wake } from "./PartitionState.ts"
import * as PartitionWorker from "./PartitionWorker.ts"

interface Worker {
  readonly epoch: number
  readonly fiber: Fiber.RuntimeFiber<void>
  readonly wake: Queue.Queue<Wake>
  /** Lets the batch that runs come to its end, and no other begin. */
  readonly stop: Effect.Effect<void>
}

/** How a worker ends whose partition has gone to another. */
export type Leaving = "at once" | "after its batch"

/** Works until interrupted; then it drains. */
export const run = <A, I, R>(shared: Shared<A, I, R>, leaving: Leaving): Effect.Effect<never, never, R> =>
  Effect.acquireUseRelease(
    start(shared, leaving),
    () => Effect.never,
    ({ close }) => close,
  )

const start = <A, I, R>(shared: Shared<A, I, R>, leaving: Leaving) =>
  Effect.gen(function* () {
    const { log, metrics, settings } = shared
    const { drainMillis, group, leaseMillis } = settings
    const topic = settings.topic.name
    const member: Member = { group, topic, member: crypto.randomUUID() }
    const workers = new Map<number, Worker>()
    /** Workers that were told to end, by partition: a new one there waits for them. */
    const ending = new Map<number, Fiber.RuntimeFiber<void>>()
    const nudge = yield* Queue.sliding<void>(1)
    const beatMillis = Math.max(1, Math.floor(leaseMillis / 3))
    let closing = false
    let aliveUntilMillis = 0

    const begin = (lease: PartitionLease) =>
      Effect.gen(function* () {
        const wake = yield* Queue.sliding<Wake>(1)
        const stopped = yield* Deferred.make<void>()
        let stopping = false
        const stop = Effect.suspend(() => {
          stopping = true
          wake.unsafeOffer("hint")
          return Effect.asVoid(Deferred.succeed(stopped, undefined))
        })
        const predecessor = ending.get(lease.partition)
        const worker = PartitionWorker.run(shared, {
          lease,
          wake,
          stopping: () => stopping,
          stopped: Deferred.await(stopped),
          lost: () => {
            workers.delete(lease.partition)
            nudge.unsafeOffer(undefined)
          },
        })
        const fiber = yield* Effect.forkDaemon(
          predecessor === undefined ? worker : Effect.zipRight(Fiber.await(predecessor), worker),
        )
        ending.delete(lease.partition)
        workers.set(lease.partition, { epoch: lease.epoch, fiber, wake, stop })
      })

    const end = (partition: number, worker: Worker) =>
      Effect.gen(function* () {
        workers.delete(partition)
        ending.set(partition, worker.fiber)
        yield* leaving === "at once" ? Fiber.interruptFork(worker.fiber) : worker.stop
      })

    /** Makes the workers those of the leases. */
    const follow = (leases: ReadonlyArray<PartitionLease>) =>
      Effect.gen(function* () {
        for (const [partition, worker] of [...workers]) {
          if (!leases.some((lease) => lease.partition === partition && lease.epoch === worker.epoch)) {
            yield* end(partition, worker)
          }
        }
        if (closing) return
        for (const lease of leases) {
          if (!workers.has(lease.partition)) yield* begin(lease)
        }
      })

    const beat = Effect.gen(function* () {
      const askedAtMillis = yield* steadyMillis
      const patienceMillis = Math.max(MIN_BEAT_MILLIS, aliveUntilMillis - askedAtMillis)
      const exit = yield* Effect.exit(
        Effect.timeoutFail(log.heartbeat(member, leaseMillis), {
          duration: Math.ceil(patienceMillis),
          onTimeout: () => "no answer" as const,
        }),
      )
      if (Exit.isSuccess(exit)) {
        aliveUntilMillis = askedAtMillis + leaseMillis
        yield* follow(exit.value)
        return beatMillis
      }
      yield* Effect.logWarning("A consumer could not renew its leases; it tries again.", exit.cause)
      if ((yield* steadyMillis) >= aliveUntilMillis) yield* follow([])
      return Math.min(MIN_BEAT_MILLIS, beatMillis)
    })

    const measure = Effect.map(log.lag, (lags) => {
      const own = lags.filter((lag) => lag.group === group && lag.topic === topic)
      metrics.lag(own.reduce((sum, { committed, end }) => sum + end - committed, 0))
    }).pipe(Effect.ignore)

    const heart = yield* Effect.flatMap(beat, (millis) =>
      Effect.zipRight(measure, Effect.timeoutOption(Queue.take(nudge), Duration.millis(millis))),
    ).pipe(Effect.forever, Effect.interruptible, Effect.forkDaemon)

    const ear = yield* Effect.scoped(
      Effect.flatMap(log.hints(topic), (hints) =>
        Effect.forever(
          Effect.map(Queue.take(hints), () => {
            for (const { wake } of workers.values()) wake.unsafeOffer("hint")
          }),
        ),
      ),
    ).pipe(Effect.interruptible, Effect.forkDaemon)

    const close = Effect.gen(function* () {
      closing = true
      yield* Fiber.interrupt(ear)
      const fibers = [...workers.values()].map(({ fiber }) => fiber).concat([...ending.values()])
      yield* Effect.forEach([...workers.values()], ({ stop }) => stop, { discard: true })
      // The heart goes on, so that a long batch keeps its lease to its end.
      const drained = yield* Effect.timeoutOption(
        Effect.interruptible(Effect.forEach(fibers, Fiber.await, { discard: true })),
        Duration.millis(drainMillis),
      )
      if (drained._tag === "None") {
        yield* Effect.logWarning("A consumer was stopped before its batches ended; they will be handled again.")
        yield* Fiber.interruptAll(fibers)
      }
      yield* Fiber.interrupt(heart)
      // One that began while the others were told to stop.
      yield* Fiber.interruptAll([...workers.values()].map(({ fiber }) => fiber))
      yield* log
        .leave(member)
        .pipe(
          Effect.catchAll((error) =>
            Effect.logWarning("A consumer could not give its leases back; they expire.", error),
          ),
        )
    })

    return { close }
  })

/** A heartbeat is not given up, and not tried again, in less. */
const MIN_BEAT_MILLIS = 1_000
