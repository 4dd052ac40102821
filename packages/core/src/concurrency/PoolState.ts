/**
 * Who in a worker pool has which jobs: plain, synchronous bookkeeping, the same for pools of fibers (`PoolWorker`,
 * `PoolJob`) and of promises. What a job is, and how it is run, is theirs.
 */
import * as Dispatch from "../kernel/concurrency/Dispatch.ts"
import * as PriorityQueue from "../kernel/concurrency/PriorityQueue.ts"
import * as Quantile from "../kernel/resilience/Quantile.ts"
import { safely } from "./Listener.ts"

/** As many jobs wait as may. Nothing was started. */
export class PoolFull extends Error {
  readonly _tag = "PoolFull"
  override readonly name = "PoolFull"
  readonly pool: string
  constructor(pool: string, waiting: number) {
    super(`${waiting} jobs wait for the worker pool "${pool}", as many as may; try again later`)
    this.pool = pool
  }
}

/** The pool is shutting down and accepts nothing. */
export class PoolClosed extends Error {
  readonly _tag = "PoolClosed"
  override readonly name = "PoolClosed"
  readonly pool: string
  constructor(pool: string) {
    super(`The worker pool "${pool}" is shutting down`)
    this.pool = pool
  }
}

export type PoolEvent =
  | { readonly _tag: "JobStarted"; readonly pool: string; readonly worker: string; readonly waitedMillis: number }
  | { readonly _tag: "WorkerStarted" | "WorkerRetiring" | "WorkerGone"; readonly pool: string; readonly worker: string }
  /** A job died, and its worker starts anew with a fresh resource. */
  | { readonly _tag: "WorkerRestarted"; readonly pool: string; readonly worker: string; readonly cause: unknown }
  /** The worker's resource could not be acquired, and it is tried again; or not be released, and it is left. */
  | {
      readonly _tag: "AcquireFailed" | "ReleaseFailed"
      readonly pool: string
      readonly worker: string
      readonly cause: unknown
    }

export interface PoolStats {
  /** Workers that take new jobs, and workers that finish their last. */
  readonly workers: number
  readonly retiring: number
  /** Workers with a job. */
  readonly busy: number
  readonly waiting: number
  /** Since the start. A failed job counts in both; one that its caller cancelled has not failed. */
  readonly completed: number
  readonly failed: number
  /** From submission to the end, of the last minute; undefined before the first. */
  readonly p95Millis: number | undefined
}

export interface Job<Self extends Job<Self>> extends PriorityQueue.Linked<Self> {
  readonly key: string | undefined
  readonly submittedAt: number
  readonly refuse: (error: PoolClosed) => void
  /** Where it waits: the pool's common line, or that of a worker. */
  line: PriorityQueue.PriorityQueue<Self> | undefined
  worker: PoolWorker<Self> | undefined
  state: "waiting" | "running" | "over"
}

/** A job that has just come, but for what makes it one of its kind. */
export const newJob = (key: string | undefined, priority: PriorityQueue.Priority, submittedAt: number) => ({
  key,
  priority,
  submittedAt,
  arrivedAt: 0,
  previous: undefined,
  next: undefined,
  queued: false,
  line: undefined,
  worker: undefined,
  state: "waiting" as const,
})

export interface PoolWorker<J extends Job<J>> extends Dispatch.Worker {
  /** Jobs of the keys that stick to it, and at most one other that it was woken for. */
  readonly line: PriorityQueue.PriorityQueue<J>
  job: J | undefined
  state: "active" | "retiring" | "gone"
  /** Set while its fiber waits for something to do. */
  wake: (() => void) | undefined
}

interface PoolSettings {
  readonly name: string
  readonly strategy: Dispatch.Strategy
  readonly queue: number
  readonly onEvent: ((event: PoolEvent) => void) | undefined
  readonly now: () => number
}

const LATENCY_WINDOW_MILLIS = 60_000

export class PoolState<J extends Job<J>> {
  readonly settings: PoolSettings
  private readonly dispatch: Dispatch.Dispatch<PoolWorker<J>>
  /** Jobs that any worker may take. */
  private readonly common = PriorityQueue.make<J>()
  private readonly workers = new Set<PoolWorker<J>>()
  private readonly latency = Quantile.make(0.95, LATENCY_WINDOW_MILLIS)
  private hired = 0
  private waiting = 0
  private running = 0
  private completed = 0
  private failed = 0
  private closed = false
  private dismissed = false
  private whenIdle: Array<() => void> = []

  constructor(settings: PoolSettings) {
    const { onEvent } = settings
    this.settings = { ...settings, onEvent: onEvent === undefined ? undefined : safely(onEvent) }
    this.dispatch = Dispatch.make(settings.strategy)
  }

  /** Gives the job to a worker or puts it in line, or says why not. */
  accept(job: J): PoolFull | PoolClosed | undefined {
    if (this.closed) return new PoolClosed(this.settings.name)
    if (this.waiting >= this.settings.queue) return new PoolFull(this.settings.name, this.waiting)
    this.assign(job)
    return undefined
  }

  /** Starts or retires workers. Those returned are new and want a fiber. */
  resize(wanted: number): ReadonlyArray<PoolWorker<J>> {
    if (!Number.isFinite(wanted)) throw new RangeError(`A pool has a whole number of workers, not ${wanted}`)
    // A scaler may be a step behind: who comes now would never be let go.
    if (this.dismissed) return []
    const target = Math.max(1, Math.floor(wanted))
    const { active, retiring } = this.dispatch
    for (const worker of retiring) {
      if (active.length >= target) break
      worker.state = "active"
      Dispatch.add(this.dispatch, worker)
    }
    const started: Array<PoolWorker<J>> = []
    while (active.length < target) {
      const worker = this.hire()
      started.push(worker)
    }
    while (active.length > target) {
      const leaving = active.reduce((least, worker) => (worker.load <= least.load ? worker : least))
      this.retire(leaving)
    }
    return started
  }

  /** The next job of a worker, or nothing: then it is to wait for `wake`, or to end when it is gone. */
  take(worker: PoolWorker<J>): J | undefined {
    if (worker.state === "retiring") this.letGo(worker)
    if (worker.state === "gone") return undefined
    const job = this.nextFor(worker)
    if (job === undefined) return undefined
    if (job.line === this.common) worker.load++
    this.waiting--
    this.running++
    job.line = undefined
    job.worker = worker
    job.state = "running"
    worker.job = job
    this.tellStarted(worker, job)
    return job
  }

  /** Whether `take` would give something. */
  hasWorkFor(worker: PoolWorker<J>): boolean {
    return worker.line.size > 0 || this.common.size > 0
  }

  /** Accepts nothing more; `done` is called when all that was accepted is over. */
  close(done: () => void): void {
    this.closed = true
    if (this.waiting + this.running === 0) done()
    else this.whenIdle.push(done)
  }

  /** Accepts nothing more and refuses what waits; returns what runs. */
  abort(): ReadonlyArray<J> {
    this.closed = true
    for (const line of [this.common, ...[...this.workers].map((worker) => worker.line)]) {
      for (let job = PriorityQueue.take(line); job !== undefined; job = PriorityQueue.take(line)) {
        this.waiting--
        job.state = "over"
        job.refuse(new PoolClosed(this.settings.name))
      }
    }
    const running = [...this.workers].flatMap((worker) => worker.job ?? [])
    this.tellIdle()
    return running
  }

  /** Ends all workers: nothing is left to do. */
  dismiss(): void {
    this.dismissed = true
    for (const worker of [...this.workers]) this.retire(worker)
  }

  stats(): PoolStats {
    return {
      workers: this.dispatch.active.length,
      retiring: this.dispatch.retiring.size,
      busy: this.running,
      waiting: this.waiting,
      completed: this.completed,
      failed: this.failed,
      p95Millis: Quantile.estimate(this.latency, this.settings.now()),
    }
  }

  private tellStarted(worker: PoolWorker<J>, job: J): void {
    const { onEvent, name, now } = this.settings
    onEvent?.({ _tag: "JobStarted", pool: name, worker: worker.id, waitedMillis: now() - job.submittedAt })
  }

  tell(tag: "WorkerStarted" | "WorkerRetiring" | "WorkerGone", worker: PoolWorker<J>): void {
    this.settings.onEvent?.({ _tag: tag, pool: this.settings.name, worker: worker.id })
  }

  tellCause(tag: "WorkerRestarted" | "AcquireFailed" | "ReleaseFailed", worker: PoolWorker<J>, cause: unknown): void {
    this.settings.onEvent?.({ _tag: tag, pool: this.settings.name, worker: worker.id, cause })
  }

  private hire(): PoolWorker<J> {
    const worker: PoolWorker<J> = {
      id: `${this.settings.name}-${this.hired++}`,
      load: 0,
      line: PriorityQueue.make(),
      job: undefined,
      state: "active",
      wake: undefined,
    }
    this.workers.add(worker)
    Dispatch.add(this.dispatch, worker)
    this.tell("WorkerStarted", worker)
    return worker
  }

  /** While its last job runs, a sticky worker keeps its line: the next of a key must not overtake the one that runs. */
  private retire(worker: PoolWorker<J>): void {
    worker.state = "retiring"
    Dispatch.retire(this.dispatch, worker)
    this.tell("WorkerRetiring", worker)
    if (worker.job === undefined) this.letGo(worker)
    else if (this.settings.strategy !== "sticky") this.handOver(worker)
  }

  private letGo(worker: PoolWorker<J>): void {
    worker.state = "gone"
    this.workers.delete(worker)
    Dispatch.remove(this.dispatch, worker)
    this.handOver(worker)
    this.tell("WorkerGone", worker)
    worker.wake?.()
  }

  private handOver(worker: PoolWorker<J>): void {
    for (let job = PriorityQueue.take(worker.line); job !== undefined; job = PriorityQueue.take(worker.line)) {
      this.waiting--
      worker.load--
      this.assign(job)
    }
  }

  /** A key's job goes to the worker of the key, any other to a worker that is free: none waits while one is. */
  private assign(job: J): void {
    const keyed = this.settings.strategy === "sticky" && job.key !== undefined
    const worker = keyed ? Dispatch.pick(this.dispatch, job.key) : this.freeWorker()
    if (keyed && worker === undefined) {
      job.refuse(new PoolClosed(this.settings.name))
      return
    }
    const line = worker?.line ?? this.common
    this.waiting++
    job.line = line
    job.worker = worker
    PriorityQueue.offer(line, job, this.settings.now())
    if (worker === undefined) return
    worker.load++
    worker.wake?.()
  }

  /** Of those that wait for something to do, the next in turn. */
  private freeWorker(): PoolWorker<J> | undefined {
    const { length } = this.dispatch.active
    if (this.running >= length) return undefined
    for (let i = 0; i < length; i++) {
      const worker = Dispatch.pick(this.dispatch)
      if (worker === undefined) return undefined
      if (worker.wake !== undefined && worker.load === 0) return worker
    }
    return undefined
  }

  /** From its own line or the common one, whichever job has the better claim. */
  private nextFor(worker: PoolWorker<J>): J | undefined {
    const own = PriorityQueue.peek(worker.line)
    const common = PriorityQueue.peek(this.common)
    if (own === undefined) return PriorityQueue.take(this.common)
    if (common === undefined) return PriorityQueue.take(worker.line)
    const ownFirst =
      PriorityQueue.effectiveArrival(worker.line, own) <= PriorityQueue.effectiveArrival(this.common, common)
    return PriorityQueue.take(ownFirst ? worker.line : this.common)
  }

  /** A job that ran is over. */
  settle(job: J, failed: boolean): void {
    const now = this.settings.now()
    const worker = job.worker
    if (worker !== undefined) {
      worker.load--
      worker.job = undefined
    }
    job.state = "over"
    this.running--
    this.completed++
    if (failed) this.failed++
    Quantile.record(this.latency, now - job.submittedAt, now)
    this.tellIdle()
  }

  /** Takes a job out of its line. False when it does not wait any more. */
  leave(job: J): boolean {
    if (job.state !== "waiting" || job.line === undefined) return false
    PriorityQueue.remove(job.line, job)
    if (job.worker !== undefined) job.worker.load--
    this.waiting--
    job.state = "over"
    this.tellIdle()
    return true
  }

  private tellIdle(): void {
    if (this.whenIdle.length === 0 || this.waiting + this.running > 0) return
    const told = this.whenIdle
    this.whenIdle = []
    for (const done of told) done()
  }
}
