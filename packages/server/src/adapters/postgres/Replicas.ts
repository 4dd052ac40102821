/**
 * Reads that may be a little behind go to a replica, when one is in service; all others to the primary.
 *
 * `allowReplica` marks them. All reads of one such effect go to the same replica, so that they see time go forward. One
 * that fails is asked of the primary, and a replica that does not answer is out of service until it does.
 *
 * `afterWrites` is for a session that has written: it waits for the replica to have what the session's token tells of,
 * and asks the primary when that takes too long.
 *
 * @example
 * PostgresStore.afterWrites(request.sessionToken, profiles.get(athleteId))
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { ReadYourWrites, StorageError, type WritePosition } from "@paceline/core/consistency"
import { type Cause, Context, type Duration, Effect, type Redacted, type Scope, Stream } from "effect"
import { hostClock } from "./Collisions.ts"
import { connect } from "./Connect.ts"
import { PooledConnection } from "./PooledConnection.ts"
import { storageError, storageTrouble } from "./PostgresErrors.ts"

export interface ReplicasOptions {
  /** Databases that follow the primary, as URLs. None if not given. */
  readonly replicas?: ReadonlyArray<Redacted.Redacted>
  /** Connections to each. Default 8. */
  readonly replicaConnections?: number
  readonly connectTimeout?: Duration.DurationInput
}

/** The replica that an effect reads from, chosen at its first read. */
class Choice {
  replica: Replica | undefined
}

class ReadFrom extends Context.Reference<ReadFrom>()("@paceline/server/postgres/ReadFrom", {
  defaultValue: (): Choice | undefined => undefined,
}) {}

/** Lets reads outside units of work go to a replica. What they see may be a little behind. */
export const allowReplica = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.provideService(effect, ReadFrom, new Choice()))

/**
 * Reads from a replica that has what the session wrote, or from the primary when none has it in time.
 * With `projections` it may still fail: the primary is no help where a consumer group is behind.
 */
export const afterWrites = <A, E, R>(
  session: ReadYourWrites.SessionToken,
  reads: Effect.Effect<A, E, R>,
  options?: ReadYourWrites.WaitOptions,
): Effect.Effect<
  A,
  E | StorageError | ReadYourWrites.InvalidSessionToken | ReadYourWrites.NotYetVisible,
  R | WritePosition.WritePosition
> =>
  Effect.suspend(() => {
    const choice = new Choice()
    const onReplica = <B, F, S>(effect: Effect.Effect<B, F, S>) => Effect.provideService(effect, ReadFrom, choice)
    return onReplica(ReadYourWrites.waitFor(session, options)).pipe(
      Effect.as(onReplica(reads)),
      Effect.catchTag("NotYetVisible", () =>
        Effect.as(ReadYourWrites.waitFor(session, { ...options, within: 0 }), reads),
      ),
      Effect.flatten,
    )
  })

const CHECK_EVERY_MILLIS = 1_000
const CHECK_WITHIN_MILLIS = 2_000
const CONNECTIONS = 8

/** A database that follows the primary; it comes into service when it answers, and leaves it when it does not. */
class Replica {
  connection: Connection | undefined
  #toldThatOut = false

  /** Keeps a pool to it for as long as it answers, again and again. */
  serve(url: Redacted.Redacted, options: ReplicasOptions): Effect.Effect<never> {
    const once = Effect.gen(this, function* () {
      const client = yield* connect({ ...options, url }, options.replicaConnections ?? CONNECTIONS)
      const pooled = new PooledConnection(Effect.uninterruptible(client.reserve))
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          this.connection = undefined
        }),
      )
      const check = pooled.executeUnprepared("SELECT pg_is_in_recovery() AS follows", [], undefined)
      while (true) {
        const [row] = yield* Effect.timeout(check, CHECK_WITHIN_MILLIS)
        if (row?.follows !== true) return yield* Effect.fail("It no longer follows a primary.")
        this.connection = pooled
        this.#toldThatOut = false
        yield* Effect.sleep(CHECK_EVERY_MILLIS)
      }
    })
    // Said once, not at every attempt.
    const tell = (cause: Cause.Cause<unknown>) =>
      Effect.suspend(() => {
        if (this.#toldThatOut) return Effect.void
        this.#toldThatOut = true
        return Effect.logWarning("A replica is out of service: its reads go to the primary.", cause)
      })
    return Effect.scoped(once).pipe(
      Effect.catchAllCause(tell),
      Effect.zipRight(Effect.sleep(CHECK_EVERY_MILLIS)),
      Effect.forever,
      Effect.withClock(hostClock),
    )
  }
}

export interface Replicas {
  /** Where the fiber's reads outside a unit of work go. */
  readonly reading: Effect.Effect<Connection>
  readonly position: Context.Tag.Service<WritePosition.WritePosition>
}

// What was committed is flushed; the end of what was inserted may lie behind what replicas will be sent.
const WRITTEN = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::text AS lsn"
const REPLAYED = "SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::text AS lsn"

export const make = (primary: Connection, options: ReplicasOptions): Effect.Effect<Replicas, never, Scope.Scope> =>
  Effect.gen(function* () {
    const replicas = yield* Effect.forEach(options.replicas ?? [], (url) => {
      const replica = new Replica()
      return Effect.as(Effect.forkScoped(replica.serve(url, options)), replica)
    })
    let turn = 0

    /** The replica that the fiber reads from: the same one for as long as it is in service. */
    const chosen = Effect.map(ReadFrom, (choice): Connection | undefined => {
      if (choice === undefined || replicas.length === 0) return undefined
      if (choice.replica === undefined || !replicas.includes(choice.replica)) {
        const inService = replicas.filter(({ connection }) => connection !== undefined)
        choice.replica = inService[turn++ % inService.length]
      }
      return choice.replica?.connection
    })

    const lsn = (connection: Connection, statement: string) =>
      Effect.flatMap(connection.executeUnprepared(statement, [], undefined), ([row]) =>
        typeof row?.lsn === "string"
          ? Effect.succeed(BigInt(row.lsn))
          : Effect.fail(new StorageError({ reason: "failed", message: "The database does not tell its position." })),
      ).pipe(Effect.mapError((error) => (error._tag === "SqlError" ? storageError(error) : error)))

    return {
      reading: Effect.map(chosen, (replica) => (replica === undefined ? primary : new FallingBack(replica, primary))),
      position: {
        written: lsn(primary, WRITTEN),
        visible: Effect.flatMap(chosen, (replica) =>
          replica === undefined ? lsn(primary, WRITTEN) : lsn(replica, REPLAYED),
        ),
      },
    }
  })

type RowsTransform = Parameters<Connection["execute"]>[2]

/** Asks the primary what the replica could not answer because it is in trouble. */
class FallingBack implements Connection {
  readonly #replica: Connection
  readonly #primary: Connection

  constructor(replica: Connection, primary: Connection) {
    this.#replica = replica
    this.#primary = primary
  }

  #ask<A>(run: (connection: Connection) => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.catchIf(
      run(this.#replica),
      (error) => storageTrouble(error) !== undefined,
      () => run(this.#primary),
    )
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.#ask((connection) => connection.execute(sql, params, transformRows))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return this.#ask((connection) => connection.executeRaw(sql, params))
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.#ask((connection) => connection.executeValues(sql, params))
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.#ask((connection) => connection.executeUnprepared(sql, params, transformRows))
  }

  /** What has begun to come from the replica goes on there. */
  executeStream(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return Stream.suspend(() => this.#replica.executeStream(sql, params, transformRows))
  }
}
