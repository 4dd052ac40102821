/**
 * `AggregateStore` on PostgreSQL: what is due is claimed by many processes at once, each passing over what another is
 * claiming (`FOR UPDATE SKIP LOCKED`), in one statement that goes by an index of nothing but what is ever due.
 */
import { type AggregateStore, type StorageError, VersionConflict } from "@paceline/core/consistency"
import { type Context, Effect, Option } from "effect"
import { type ArchivedRow, type StoredRow, stateText, toArchived, toStored } from "../AggregateRows.ts"
import type { HintHub } from "./HintHub.ts"
import type { Pools, Query } from "./Pools.ts"
import { storageError } from "./PostgresErrors.ts"
import { writing } from "./UnitQueries.ts"

/** All but `change`, which is made of these. */
type Service = Omit<Context.Tag.Service<typeof AggregateStore.AggregateStore>, "change">

const STORED = "id, version::float8 AS version, rank, due_at_ms, state"
const ARCHIVED = "id, version::float8 AS version, archived_at_ms, state"

const SQL = {
  get: `SELECT ${STORED} FROM aggregate WHERE kind = $1 AND id = $2`,
  version: `SELECT version::float8 AS version FROM aggregate WHERE kind = $1 AND id = $2
    UNION ALL SELECT version::float8 FROM aggregate_archive WHERE kind = $1 AND id = $2`,
  insert: "SELECT aggregate_insert($1, $2, $3, $4, $5) AS taken",
  update: `UPDATE aggregate SET version = version + 1, state = $4, due_at_ms = $5, rank = coalesce($6::integer, rank)
    WHERE kind = $1 AND id = $2 AND version = $3 RETURNING version::float8 AS version`,
  remove: "DELETE FROM aggregate WHERE kind = $1 AND id = $2 AND version = $3 RETURNING 1",
  archive: "SELECT aggregate_archived($1, $2, $3, $4, $5) AS found",
  getArchived: `SELECT ${ARCHIVED} FROM aggregate_archive WHERE kind = $1 AND id = $2`,
  list: `SELECT ${STORED} FROM aggregate WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3`,
  listFirst: `SELECT ${STORED} FROM aggregate WHERE kind = $1 ORDER BY id LIMIT $2`,
  listArchived: `SELECT ${ARCHIVED} FROM aggregate_archive WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3`,
  listArchivedFirst: `SELECT ${ARCHIVED} FROM aggregate_archive WHERE kind = $1 ORDER BY id LIMIT $2`,
  dropArchived: `WITH dropped AS (
      DELETE FROM aggregate_archive WHERE kind = $1 AND id = ANY (ARRAY(
        SELECT id FROM aggregate_archive WHERE kind = $1 AND archived_at_ms < $2
        ORDER BY archived_at_ms LIMIT $3 FOR UPDATE SKIP LOCKED))
      RETURNING 1)
    SELECT count(*)::float8 AS dropped FROM dropped`,
  claim: `SELECT claimed_id AS id, claimed_version AS version, claimed_state AS state
    FROM aggregate_claim($1, $2, $3, $4, $5)`,
  // From rank to rank, each by one look at the index.
  nextDueAtMs: `WITH RECURSIVE first AS (
      (SELECT rank, due_at_ms FROM aggregate WHERE kind = $1 AND due_at_ms IS NOT NULL
        ORDER BY rank, due_at_ms LIMIT 1)
      UNION ALL
      SELECT further.* FROM first, LATERAL (
        SELECT a.rank, a.due_at_ms FROM aggregate AS a
        WHERE a.kind = $1 AND a.rank > first.rank AND a.due_at_ms IS NOT NULL
        ORDER BY a.rank, a.due_at_ms LIMIT 1) AS further)
    SELECT min(due_at_ms) AS next FROM first`,
  backlog: `SELECT rank, count(*) FILTER (WHERE due_at_ms <= $2)::float8 AS due,
      count(*) FILTER (WHERE due_at_ms > $2)::float8 AS later,
      min(due_at_ms) FILTER (WHERE due_at_ms <= $2) AS "oldestDueAtMs"
    FROM aggregate WHERE kind = $1 AND due_at_ms IS NOT NULL GROUP BY rank ORDER BY rank`,
  count: "SELECT count(*)::float8 AS count FROM aggregate WHERE kind = $1",
  // From kind to kind, each by one look at the index.
  kinds: `WITH RECURSIVE present AS (
      (SELECT kind FROM aggregate WHERE kind >= $1 ORDER BY kind LIMIT 1)
      UNION ALL
      SELECT further.kind FROM present, LATERAL (
        SELECT a.kind FROM aggregate AS a WHERE a.kind > present.kind ORDER BY a.kind LIMIT 1) AS further
      WHERE starts_with(present.kind, $1))
    SELECT kind FROM present WHERE starts_with(kind, $1) ORDER BY kind`,
} as const

export const make = (pools: Pools, hub: HintHub): Service => {
  const reading = <Row>(
    text: string,
    params: ReadonlyArray<unknown>,
  ): Effect.Effect<ReadonlyArray<Row>, StorageError> => Effect.mapError(pools.query<Row>(text, params), storageError)

  const conflict = (aggregate: string, id: string, expectedVersion: number, actualVersion: number) =>
    new VersionConflict({ aggregate, id, expectedVersion, actualVersion })

  /** What is there instead of the version that was expected. */
  const overtaken = (query: Query, kind: string, id: string, expectedVersion: number) =>
    Effect.flatMap(query<{ version: number }>(SQL.version, [kind, id]), ([row]) =>
      Effect.fail(conflict(kind, id, expectedVersion, row?.version ?? 0)),
    )

  return {
    get: (kind, id) =>
      Effect.map(reading<StoredRow>(SQL.get, [kind, id]), ([row]) =>
        Option.map(Option.fromNullable(row), (row) => toStored(kind, row)),
      ),

    insert: (kind, id, { dueAtMs, rank, state }) =>
      writing((query, unit) =>
        Effect.gen(function* () {
          const params = [kind, id, rank ?? 0, dueAtMs, stateText(state)]
          const [row] = yield* query<{ taken: number | null }>(SQL.insert, params)
          const taken = row?.taken ?? undefined
          if (taken !== undefined) return yield* conflict(kind, id, 0, taken)
          unit.afterCommit(() => hub.kinds.tell(kind))
        }),
      ),

    update: (kind, id, expectedVersion, { dueAtMs, rank, state }) =>
      writing((query, unit) =>
        Effect.gen(function* () {
          const params = [kind, id, expectedVersion, stateText(state), dueAtMs, rank ?? null]
          const [row] = yield* query<{ version: number }>(SQL.update, params)
          if (row === undefined) return yield* overtaken(query, kind, id, expectedVersion)
          unit.afterCommit(() => hub.kinds.tell(kind))
          return row.version
        }),
      ),

    remove: (kind, id, expectedVersion) =>
      writing((query, unit) =>
        Effect.gen(function* () {
          const rows = yield* query(SQL.remove, [kind, id, expectedVersion])
          if (rows.length === 0) return yield* overtaken(query, kind, id, expectedVersion)
          unit.afterCommit(() => hub.kinds.tell(kind))
        }),
      ),

    archive: (kind, id, expectedVersion, finalState, atMs) =>
      writing((query, unit) =>
        Effect.gen(function* () {
          const params = [kind, id, expectedVersion, stateText(finalState), atMs]
          const [row] = yield* query<{ found: number | null }>(SQL.archive, params)
          const found = row?.found ?? undefined
          if (found !== undefined) return yield* conflict(kind, id, expectedVersion, found)
          unit.afterCommit(() => hub.kinds.tell(kind))
        }),
      ),

    getArchived: (kind, id) =>
      Effect.map(reading<ArchivedRow>(SQL.getArchived, [kind, id]), ([row]) =>
        Option.map(Option.fromNullable(row), (row) => toArchived(kind, row)),
      ),

    list: (kind, { after, limit }) =>
      Effect.map(
        after === undefined
          ? reading<StoredRow>(SQL.listFirst, [kind, limit])
          : reading<StoredRow>(SQL.list, [kind, after, limit]),
        (rows) => rows.map((row) => toStored(kind, row)),
      ),

    listArchived: (kind, { after, limit }) =>
      Effect.map(
        after === undefined
          ? reading<ArchivedRow>(SQL.listArchivedFirst, [kind, limit])
          : reading<ArchivedRow>(SQL.listArchived, [kind, after, limit]),
        (rows) => rows.map((row) => toArchived(kind, row)),
      ),

    dropArchived: (kind, beforeMs, limit) =>
      writing((query) =>
        Effect.map(query<{ dropped: number }>(SQL.dropArchived, [kind, beforeMs, limit]), ([row]) => row?.dropped ?? 0),
      ),

    claim: (kind, rank, { limit, nowMs, untilMs }) =>
      writing((query, unit) =>
        Effect.map(
          query<{ id: string; version: number; state: string }>(SQL.claim, [kind, rank, nowMs, untilMs, limit]),
          (rows) => {
            if (rows.length > 0) unit.afterCommit(() => hub.kinds.tell(kind))
            return rows.map((row) => toStored(kind, { ...row, rank, due_at_ms: untilMs }))
          },
        ),
      ),

    nextDueAtMs: (kind) =>
      Effect.map(reading<{ next: number | null }>(SQL.nextDueAtMs, [kind]), ([row]) => row?.next ?? null),

    backlog: (kind, nowMs) => reading<AggregateStore.Backlog>(SQL.backlog, [kind, nowMs]),

    count: (kind) => Effect.map(reading<{ count: number }>(SQL.count, [kind]), ([row]) => row?.count ?? 0),

    kinds: (prefix) =>
      Effect.map(reading<{ kind: string }>(SQL.kinds, [prefix]), (rows) => rows.map(({ kind }) => kind)),

    hints: hub.kinds.subscribe,
  }
}
