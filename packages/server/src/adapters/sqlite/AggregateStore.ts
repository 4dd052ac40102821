/**
 * `AggregateStore` on SQLite: one table of what lives, one of what is finished.
 *
 * What is due is found by an index over those that have a time, so aggregates that wait for nobody cost a claim
 * nothing; finished ones are in no index that a claim or a change reads. Rows lie in the order in which they were made,
 * so that a group of units that change what was made together writes few pages.
 */
import { type AggregateStore, type StorageError, type Transaction, VersionConflict } from "@paceline/core/consistency"
import { Clock, Context, Effect, Exit, Option } from "effect"
import { type ArchivedRow, type StoredRow, stateText, toArchived, toStored } from "../AggregateRows.ts"
import { makeHints } from "../Hints.ts"
import type { Database, Prepared } from "./Database.ts"
import type { AppendInUnit } from "./EventLog.ts"
import { StoreAccess, troubleOf } from "./StoreAccess.ts"
import { currentUnit, type OpenUnit, runInside, submit } from "./UnitOfWork.ts"
import type { Writer } from "./Writer.ts"

type Service = Context.Tag.Service<typeof AggregateStore.AggregateStore>

/** The ranks of the kind ?1 that have something due, now or later, one seek each. */
const RANKS = `WITH RECURSIVE used(rank) AS (
    SELECT min(rank) FROM aggregate WHERE kind = ?1 AND due_at_ms IS NOT NULL
    UNION ALL
    SELECT (SELECT min(rank) FROM aggregate WHERE kind = ?1 AND due_at_ms IS NOT NULL AND rank > used.rank)
    FROM used WHERE used.rank IS NOT NULL
  )`

const OF_RANK = "a.kind = ?1 AND a.rank = used.rank AND a.due_at_ms"

const SQL = {
  get: `SELECT id, version, state, due_at_ms, rank FROM aggregate WHERE kind = ? AND id = ?`,
  list: `SELECT id, version, state, due_at_ms, rank FROM aggregate
    WHERE kind = ? AND id > ? ORDER BY id LIMIT ?`,
  listFromStart: `SELECT id, version, state, due_at_ms, rank FROM aggregate WHERE kind = ? ORDER BY id LIMIT ?`,
  insert: `INSERT INTO aggregate (kind, id, version, state, due_at_ms, rank) VALUES (?, ?, 1, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  update: `UPDATE aggregate SET version = version + 1, state = ?4, due_at_ms = ?5, rank = coalesce(?6, rank)
    WHERE kind = ?1 AND id = ?2 AND version = ?3`,
  find: `SELECT rowid AS "row", id, version, state, due_at_ms, rank FROM aggregate WHERE kind = ? AND id = ?`,
  rewrite: `UPDATE aggregate SET version = version + 1, state = ?3 WHERE rowid = ?1 AND version = ?2`,
  remove: `DELETE FROM aggregate WHERE kind = ? AND id = ? AND version = ?`,
  archive: `INSERT INTO aggregate_archive (kind, id, version, state, archived_at_ms) VALUES (?, ?, ?, ?, ?)`,
  getArchived: `SELECT id, version, state, archived_at_ms FROM aggregate_archive WHERE kind = ? AND id = ?`,
  listArchived: `SELECT id, version, state, archived_at_ms FROM aggregate_archive
    WHERE kind = ? AND id > ? ORDER BY id LIMIT ?`,
  listArchivedFromStart: `SELECT id, version, state, archived_at_ms FROM aggregate_archive
    WHERE kind = ? ORDER BY id LIMIT ?`,
  dropArchived: `DELETE FROM aggregate_archive WHERE rowid IN (
    SELECT rowid FROM aggregate_archive WHERE kind = ? AND archived_at_ms < ? ORDER BY archived_at_ms LIMIT ?)`,
  version: `SELECT version FROM aggregate WHERE kind = ?1 AND id = ?2
    UNION ALL SELECT version FROM aggregate_archive WHERE kind = ?1 AND id = ?2`,
  archivedVersion: `SELECT version FROM aggregate_archive WHERE kind = ? AND id = ?`,
  due: `SELECT id, version, state, due_at_ms, rank FROM aggregate
    WHERE kind = ? AND rank = ? AND due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?`,
  hold: `UPDATE aggregate SET version = version + 1, due_at_ms = ?3 WHERE kind = ?1 AND id = ?2`,
  nextDue: `${RANKS} SELECT min((SELECT min(a.due_at_ms) FROM aggregate a WHERE ${OF_RANK} IS NOT NULL)) AS atMs
    FROM used WHERE used.rank IS NOT NULL`,
  backlog: `${RANKS} SELECT used.rank AS rank,
      (SELECT count(*) FROM aggregate a WHERE ${OF_RANK} <= ?2) AS due,
      (SELECT count(*) FROM aggregate a WHERE ${OF_RANK} > ?2) AS later,
      (SELECT min(a.due_at_ms) FROM aggregate a WHERE ${OF_RANK} <= ?2) AS oldestDueAtMs
    FROM used WHERE used.rank IS NOT NULL`,
  count: `SELECT count(*) AS count FROM aggregate WHERE kind = ?`,
  firstKind: `SELECT kind FROM aggregate WHERE kind >= ? ORDER BY kind LIMIT 1`,
  nextKind: `SELECT kind FROM aggregate WHERE kind > ? ORDER BY kind LIMIT 1`,
} as const

const prepare = (database: Database) => ({
  get: database.prepare<StoredRow>(SQL.get),
  list: database.prepare<StoredRow>(SQL.list),
  listFromStart: database.prepare<StoredRow>(SQL.listFromStart),
  insert: database.prepare(SQL.insert),
  update: database.prepare(SQL.update),
  remove: database.prepare(SQL.remove),
  archive: database.prepare(SQL.archive),
  getArchived: database.prepare<ArchivedRow>(SQL.getArchived),
  listArchived: database.prepare<ArchivedRow>(SQL.listArchived),
  listArchivedFromStart: database.prepare<ArchivedRow>(SQL.listArchivedFromStart),
  dropArchived: database.prepare(SQL.dropArchived),
  version: database.prepare<{ version: number }>(SQL.version),
  archivedVersion: database.prepare<{ version: number }>(SQL.archivedVersion),
  due: database.prepare<StoredRow>(SQL.due),
  hold: database.prepare(SQL.hold),
  nextDue: database.prepare<{ atMs: number | null }>(SQL.nextDue),
  backlog: database.prepare<AggregateStore.Backlog>(SQL.backlog),
  count: database.prepare<{ count: number }>(SQL.count),
  firstKind: database.prepare<{ kind: string }>(SQL.firstKind),
  nextKind: database.prepare<{ kind: string }>(SQL.nextKind),
})

/** By row, which is for the writer alone, in one unit. */
const prepareChange = (writing: Database) => ({
  find: writing.prepare<FoundRow>(SQL.find),
  rewrite: writing.prepare(SQL.rewrite),
})

type Statements = ReturnType<typeof prepare>

/** With its place in the table, which holds as long as the unit runs. */
interface FoundRow extends StoredRow {
  readonly row: number
}

interface Change<A> {
  readonly kind: string
  readonly id: string
  readonly decide: (found: AggregateStore.Found, nowMs: number) => AggregateStore.Decided<A>
  readonly nowMs: number
}

/** Trouble of the store fails; what else is thrown is a mistake of the program and dies. */
const failureOf = (writing: Database, cause: unknown): Exit.Exit<never, StorageError> => {
  try {
    return Exit.fail(troubleOf(writing, cause))
  } catch (defect) {
    return Exit.die(defect)
  }
}

/** The kinds that start with `prefix`, one seek each. */
const kindsOf = ({ firstKind, nextKind }: Statements, prefix: string): ReadonlyArray<string> => {
  const kinds: Array<string> = []
  let row = firstKind.get(prefix)
  while (row?.kind.startsWith(prefix)) {
    kinds.push(row.kind)
    row = nextKind.get(row.kind)
  }
  return kinds
}

export interface AggregateStoreParts {
  readonly writing: Database
  readonly reading: Database
  readonly writer: Writer
  readonly appendInUnit: AppendInUnit
}

export const make = ({ appendInUnit, reading, writer, writing }: AggregateStoreParts): Service => {
  const store = new StoreAccess(writing, reading, prepare)
  const { onWriter } = store
  const hints = makeHints()
  let byRow: ReturnType<typeof prepareChange> | undefined

  const conflict = (kind: string, id: string, expectedVersion: number): VersionConflict =>
    new VersionConflict({
      aggregate: kind,
      id,
      expectedVersion,
      actualVersion: onWriter.version.get(kind, id)?.version ?? 0,
    })

  /** `change` answers whether it found the aggregate at the version expected. */
  const versioned = <A>(
    kind: string,
    id: string,
    expectedVersion: number,
    change: (unit: OpenUnit) => boolean,
    answer: A,
  ): Effect.Effect<A, StorageError | VersionConflict, Transaction> =>
    store.writing(
      (unit): Effect.Effect<A, VersionConflict> =>
        change(unit) ? Effect.succeed(answer) : Effect.fail(conflict(kind, id, expectedVersion)),
    )

  const tell = (unit: OpenUnit, kind: string, dueAtMs: number | null): void => {
    if (dueAtMs !== null) unit.afterCommit(() => hints.tell(kind))
  }

  const insert = (unit: OpenUnit, kind: string, id: string, next: AggregateStore.NewState): boolean => {
    if (onWriter.archivedVersion.get(kind, id) !== null) return false
    tell(unit, kind, next.dueAtMs)
    return onWriter.insert.run(kind, id, stateText(next.state), next.dueAtMs, next.rank ?? 0).changes === 1
  }

  const update = (
    unit: OpenUnit,
    kind: string,
    id: string,
    version: number,
    { dueAtMs, rank, state }: AggregateStore.NewState,
  ): boolean => {
    tell(unit, kind, dueAtMs)
    return onWriter.update.run(kind, id, version, stateText(state), dueAtMs, rank ?? null).changes === 1
  }

  const archive = (kind: string, id: string, version: number, finalState: unknown, atMs: number): boolean => {
    if (onWriter.remove.run(kind, id, version).changes !== 1) return false
    onWriter.archive.run(kind, id, version + 1, stateText(finalState), atMs)
    return true
  }

  /** `update` of what was just found: what keeps its time and rank is reached by its row, and no index is touched. */
  const rewrite = (
    unit: OpenUnit,
    kind: string,
    found: FoundRow,
    next: AggregateStore.NewState,
    statement: Prepared<unknown>,
  ): boolean => {
    const { due_at_ms, id, rank, row, version } = found
    if (next.dueAtMs !== due_at_ms || (next.rank ?? rank) !== rank) return update(unit, kind, id, version, next)
    tell(unit, kind, due_at_ms)
    return statement.run(row, version, stateText(next.state)).changes === 1
  }

  /** The same as a unit of these steps; the writer is alone, so nobody comes between. */
  const changeNow = <A>(unit: OpenUnit, { decide, id, kind, nowMs }: Change<A>): Exit.Exit<A, VersionConflict> => {
    byRow ??= prepareChange(writing)
    const found = byRow.find.get(kind, id)
    const { answer, next } = decide(
      found === null
        ? { stored: null, isArchived: onWriter.archivedVersion.get(kind, id) !== null }
        : { stored: toStored(kind, found), isArchived: false },
      nowMs,
    )
    if (next === undefined) return Exit.succeed(answer)
    const isLast = next.archive === true
    const isWritten =
      found === null
        ? insert(unit, kind, id, next) && (!isLast || archive(kind, id, 1, next.state, nowMs))
        : isLast
          ? archive(kind, id, found.version, next.state, nowMs)
          : rewrite(unit, kind, found, next, byRow.rewrite)
    if (!isWritten) return Exit.fail(conflict(kind, id, found?.version ?? 0))
    if (next.records !== undefined) {
      for (const { records, topic } of next.records) appendInUnit(unit, topic, records, nowMs)
    }
    return Exit.succeed(answer)
  }

  const changeIn = <A>(unit: OpenUnit, change: Change<A>): Exit.Exit<A, StorageError | VersionConflict> => {
    try {
      return changeNow(unit, change)
    } catch (cause) {
      return failureOf(writing, cause)
    }
  }

  return {
    change: (kind, id, decide) =>
      Effect.withFiberRuntime(({ currentContext, currentDefaultServices }) => {
        const change = {
          kind,
          id,
          decide,
          nowMs: Context.get(currentDefaultServices, Clock.Clock).unsafeCurrentTimeMillis(),
        }
        const outer = currentUnit(currentContext, writing)
        return outer === undefined
          ? submit(writing, writer, (unit) => changeIn(unit, change), true)
          : runInside(outer, (unit) => changeIn(unit, change))
      }),

    get: (kind, id) =>
      store.reading(({ get }) => Option.map(Option.fromNullable(get.get(kind, id)), (row) => toStored(kind, row))),

    insert: (kind, id, next) => versioned(kind, id, 0, (unit) => insert(unit, kind, id, next), undefined),

    update: (kind, id, expectedVersion, next) =>
      versioned(
        kind,
        id,
        expectedVersion,
        (unit) => update(unit, kind, id, expectedVersion, next),
        expectedVersion + 1,
      ),

    remove: (kind, id, expectedVersion) =>
      versioned(
        kind,
        id,
        expectedVersion,
        () => onWriter.remove.run(kind, id, expectedVersion).changes === 1,
        undefined,
      ),

    archive: (kind, id, expectedVersion, finalState, atMs) =>
      versioned(kind, id, expectedVersion, () => archive(kind, id, expectedVersion, finalState, atMs), undefined),

    getArchived: (kind, id) =>
      store.reading(({ getArchived }) =>
        Option.map(Option.fromNullable(getArchived.get(kind, id)), (row) => toArchived(kind, row)),
      ),

    list: (kind, { after, limit }) =>
      store.reading(({ list, listFromStart }) =>
        (after === undefined ? listFromStart.all(kind, limit) : list.all(kind, after, limit)).map((row) =>
          toStored(kind, row),
        ),
      ),

    listArchived: (kind, { after, limit }) =>
      store.reading(({ listArchived, listArchivedFromStart }) =>
        (after === undefined ? listArchivedFromStart.all(kind, limit) : listArchived.all(kind, after, limit)).map(
          (row) => toArchived(kind, row),
        ),
      ),

    dropArchived: (kind, beforeMs, limit) =>
      store.changing(() => onWriter.dropArchived.run(kind, beforeMs, limit).changes),

    claim: (kind, rank, { limit, nowMs, untilMs }) =>
      store.changing(() =>
        onWriter.due.all(kind, rank, nowMs, limit).map((row) => {
          onWriter.hold.run(kind, row.id, untilMs)
          return { ...toStored(kind, row), version: row.version + 1, dueAtMs: untilMs }
        }),
      ),

    nextDueAtMs: (kind) => store.reading(({ nextDue }) => nextDue.get(kind)?.atMs ?? null),

    backlog: (kind, nowMs) => store.reading(({ backlog }) => backlog.all(kind, nowMs)),

    count: (kind) => store.reading(({ count }) => count.get(kind)?.count ?? 0),

    kinds: (prefix) => store.reading((statements) => kindsOf(statements, prefix)),

    hints: hints.subscribe,
  }
}
