/**
 * Who has written something sees it at the next read, on whatever replica or projection that lands.
 *
 * A write is answered with a token: how far the store had written, and how far the log. The client sends it with what it
 * asks next, and the read waits, within a bound, until what it reads from has come that far. A session's token grows with
 * each write (`since`), and is opaque: what a client makes up can only make its own reads wait.
 *
 * @example
 * const total = yield* Command.execute(Bikes, bikeId, ride(metres))
 * const log = yield* EventLog.EventLog
 * const token = yield* ReadYourWrites.token({ since: request.session, logged: { log, topics: ["gear"] } })
 * // The next request, maybe on another machine:
 * yield* ReadYourWrites.waitFor(token, { projections: [{ group: "leaderboard", log }] })
 */
import { Clock, Duration, Effect, Schema } from "effect"
import * as Kernel from "../kernel/consistency/SessionToken.ts"
import type { StorageError } from "./UnitOfWork.ts"
import { WritePosition } from "./WritePosition.ts"

/** Opaque text, fit for headers, cookies and query strings. */
export const SessionToken = Schema.String.pipe(Schema.maxLength(Kernel.MAX_LENGTH), Schema.brand("SessionToken"))
export type SessionToken = typeof SessionToken.Type

/** The text is no session token. Leave it out: reading then waits for nothing. */
export class InvalidSessionToken extends Schema.TaggedError<InvalidSessionToken>("paceline/InvalidSessionToken")(
  "InvalidSessionToken",
  {},
) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    return "The session token is not one that this server gave out. Leave it out."
  }
}

/** What the session wrote is not to be seen here yet. Ask again, or read where it was written. */
export class NotYetVisible extends Schema.TaggedError<NotYetVisible>("paceline/NotYetVisible")("NotYetVisible", {
  waitedMillis: Schema.Number,
  /** What is behind, and how far, for people. */
  behind: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `What this session wrote cannot be read here yet, after ${this.waitedMillis} ms: ${this.behind.join("; ")}`
  }
}

/** What a token needs to know of a log; an `EventLog` knows it. */
export interface LogEnds {
  readonly partitions: (topic: string) => Effect.Effect<ReadonlyArray<number>, StorageError>
  readonly bounds: (topic: string, partition: number) => Effect.Effect<{ readonly end: number }, StorageError>
}

/** How far consumer groups have read; an `EventLog` knows it. */
export interface GroupOffsets {
  readonly committed: (group: string, topic: string, partition: number) => Effect.Effect<number, StorageError>
}

/** What is to be read, and how it comes about: by a consumer group. */
export interface Projection {
  readonly group: string
  readonly log: GroupOffsets
  /** The topics that the group reads; all that the token names if not given. */
  readonly topics?: ReadonlyArray<string>
}

export interface Written {
  /** The session's token before. */
  readonly since?: SessionToken
  /** The records that were appended, where the caller knows them. */
  readonly appended?: ReadonlyArray<Kernel.LogPosition>
  /**
   * All that these topics hold by now. What this session appended lies among the last of it, also when the answer was
   * given by an earlier request with the same idempotency key.
   */
  readonly logged?: { readonly log: LogEnds; readonly topics: ReadonlyArray<string> }
}

export interface WaitOptions {
  /** How long to wait at most; 2 s if not given. */
  readonly within?: Duration.DurationInput
  readonly projections?: ReadonlyArray<Projection>
}

const WITHIN = Duration.seconds(2)

/** Asks often at first, as most replicas are milliseconds behind, then less and less often. */
const FIRST_POLL_MILLIS = 1
const SLOWEST_POLL_MILLIS = 50

/** The token of a session after a write: to be asked for when that is committed, and of the store that took it. */
export const token = ({
  appended = [],
  logged,
  since,
}: Written = {}): Effect.Effect<SessionToken, StorageError | InvalidSessionToken, WritePosition> =>
  Effect.gen(function* () {
    const before = since === undefined ? Kernel.empty : yield* read(since)
    const ends = logged === undefined ? [] : yield* lastOf(logged.log, logged.topics)
    const position = yield* WritePosition
    const after = Kernel.make(yield* position.written, [...appended, ...ends])
    return SessionToken.make(Kernel.encode(Kernel.merge(before, after)))
  })

/** The last record of each partition that has one. */
const lastOf = (log: LogEnds, topics: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const last: Array<Kernel.LogPosition> = []
    for (const topic of topics) {
      for (const partition of yield* log.partitions(topic)) {
        const { end } = yield* log.bounds(topic, partition)
        if (end > 0) last.push({ topic, partition, offset: end - 1 })
      }
    }
    return last
  })

/** Waits until everything that the token's session wrote can be read: from the store, and in the projections. */
export const waitFor = (
  session: SessionToken,
  { projections = [], within = WITHIN }: WaitOptions = {},
): Effect.Effect<void, NotYetVisible | InvalidSessionToken | StorageError, WritePosition> =>
  Effect.gen(function* () {
    const asked = yield* read(session)
    const startedAtMs = yield* Clock.currentTimeMillis
    const endsAtMs = startedAtMs + Duration.toMillis(within)
    for (let pollMillis = FIRST_POLL_MILLIS; ; pollMillis = Math.min(2 * pollMillis, SLOWEST_POLL_MILLIS)) {
      const behind = yield* whatIsBehind(asked, projections)
      if (behind.length === 0) return
      const nowMs = yield* Clock.currentTimeMillis
      if (nowMs >= endsAtMs) return yield* new NotYetVisible({ waitedMillis: nowMs - startedAtMs, behind })
      yield* Effect.sleep(Math.min(pollMillis, endsAtMs - nowMs))
    }
  })

const read = (session: SessionToken): Effect.Effect<Kernel.SessionToken, InvalidSessionToken> => {
  const decoded = Kernel.decode(session)
  return decoded === undefined ? Effect.fail(new InvalidSessionToken()) : Effect.succeed(decoded)
}

const whatIsBehind = (asked: Kernel.SessionToken, projections: ReadonlyArray<Projection>) =>
  Effect.gen(function* () {
    const behind: Array<string> = []
    const position = yield* WritePosition
    // Where nothing is asked of the store it need not be asked.
    const visible = asked.store === 0n ? 0n : yield* position.visible
    if (visible < asked.store) behind.push(`the store is at ${visible}, not ${asked.store}`)
    for (const { group, log, topics } of projections) {
      for (const { offset, partition, topic } of asked.log) {
        if (topics !== undefined && !topics.includes(topic)) continue
        const next = yield* log.committed(group, topic, partition)
        if (next <= offset) behind.push(`group "${group}" is at ${next} of ${topic}/${partition}, not past ${offset}`)
      }
    }
    return behind
  })
