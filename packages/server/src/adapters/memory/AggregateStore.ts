/** `AggregateStore` in memory: a map a kind, and a queue of what is due a kind and rank. State is kept as JSON text. */
import { type AggregateStore, Transaction, VersionConflict } from "@paceline/core/consistency"
import { type Context, Effect, Option } from "effect"
import { stateText } from "../AggregateRows.ts"
import { makeHints } from "../Hints.ts"
import { Cells } from "./Cells.ts"
import { DueQueue } from "./DueQueue.ts"
import { type MemoryUnit, reading, unitOf, type View } from "./UnitOfWork.ts"

/** All but `change`, which is made of these. */
type Service = Omit<Context.Tag.Service<typeof AggregateStore.AggregateStore>, "change">

interface Row {
  readonly version: number
  readonly state: string
  readonly dueAtMs: number | null
  readonly rank: number
}

interface ArchivedRow {
  readonly version: number
  readonly state: string
  readonly archivedAtMs: number
}

/** All of one kind. */
class Kind {
  readonly rows = new Cells<Row>()
  readonly archived = new Cells<ArchivedRow>()
  readonly #due = new Map<number, DueQueue>()

  due(rank: number): DueQueue {
    const known = this.#due.get(rank)
    if (known !== undefined) return known
    const queue = new DueQueue(({ dueAtMs, id, version }) => {
      const row = this.rows.get(id, "unit")
      return row !== undefined && row.version === version && row.dueAtMs === dueAtMs && row.rank === rank
    })
    this.#due.set(rank, queue)
    return queue
  }

  set(unit: MemoryUnit, id: string, row: Row | undefined): void {
    this.rows.set(unit, id, row, (restored) => this.#enqueue(id, restored))
    this.#enqueue(id, row)
  }

  nextDueAtMs(view: View): number | null {
    const times =
      view === "unit"
        ? Array.from(this.#due.values(), (queue) => queue.peek()?.dueAtMs ?? null)
        : Array.from(this.rows.all(view).values(), ({ dueAtMs }) => dueAtMs)
    return times.reduce((first, time) => (first === null || (time !== null && time < first) ? time : first), null)
  }

  #enqueue(id: string, row: Row | undefined): void {
    if (row === undefined || row.dueAtMs === null) return
    this.due(row.rank).push({ id, version: row.version, dueAtMs: row.dueAtMs })
  }
}

const toStored = (kind: string, id: string, row: Row): AggregateStore.Stored => ({
  kind,
  id,
  version: row.version,
  state: JSON.parse(row.state),
  dueAtMs: row.dueAtMs,
  rank: row.rank,
})

const toArchived = (kind: string, id: string, row: ArchivedRow): AggregateStore.Archived => ({
  kind,
  id,
  version: row.version,
  state: JSON.parse(row.state),
  archivedAtMs: row.archivedAtMs,
})

/** One page of the ids, in the order of their bytes. */
const page = (ids: Iterable<string>, { after, limit }: AggregateStore.Page): ReadonlyArray<string> => {
  const bytes = Array.from(ids, (id) => ({ id, bytes: Buffer.from(id) })).toSorted((a, b) =>
    Buffer.compare(a.bytes, b.bytes),
  )
  const from = after === undefined ? undefined : Buffer.from(after)
  return bytes
    .filter((entry) => from === undefined || Buffer.compare(entry.bytes, from) > 0)
    .slice(0, limit)
    .map(({ id }) => id)
}

export const make = (): Service => {
  const kinds = new Map<string, Kind>()
  const hints = makeHints()

  const kindOf = (name: string): Kind => {
    const known = kinds.get(name)
    if (known !== undefined) return known
    const kind = new Kind()
    kinds.set(name, kind)
    return kind
  }

  const put = (unit: MemoryUnit, kind: string, id: string, row: Row | undefined): void => {
    kindOf(kind).set(unit, id, row)
    unit.afterCommit(() => hints.tell(kind))
  }

  /** Changes the row that is still at the version expected. */
  const changing = <A>(
    aggregate: string,
    id: string,
    expectedVersion: number,
    change: (unit: MemoryUnit, row: Row) => A,
  ): Effect.Effect<A, VersionConflict, Transaction> =>
    Effect.flatMap(Transaction, (transaction) => {
      const unit = unitOf(transaction)
      const row = kindOf(aggregate).rows.get(id, "unit")
      if (row === undefined || row.version !== expectedVersion) {
        const actualVersion = (row ?? kindOf(aggregate).archived.get(id, "unit"))?.version ?? 0
        return new VersionConflict({ aggregate, id, expectedVersion, actualVersion })
      }
      return Effect.succeed(change(unit, row))
    })

  return {
    get: (kind, id) =>
      reading((view) =>
        Option.map(Option.fromNullable(kindOf(kind).rows.get(id, view)), (row) => toStored(kind, id, row)),
      ),

    insert: (kind, id, { dueAtMs, rank = 0, state }) =>
      Effect.flatMap(Transaction, (transaction) => {
        const unit = unitOf(transaction)
        const taken = kindOf(kind).rows.get(id, "unit") ?? kindOf(kind).archived.get(id, "unit")
        if (taken !== undefined) {
          return new VersionConflict({ aggregate: kind, id, expectedVersion: 0, actualVersion: taken.version })
        }
        put(unit, kind, id, { version: 1, state: stateText(state), dueAtMs, rank })
        return Effect.void
      }),

    update: (kind, id, expectedVersion, { dueAtMs, rank, state }) =>
      changing(kind, id, expectedVersion, (unit, row) => {
        const version = row.version + 1
        put(unit, kind, id, { version, state: stateText(state), dueAtMs, rank: rank ?? row.rank })
        return version
      }),

    remove: (kind, id, expectedVersion) =>
      changing(kind, id, expectedVersion, (unit) => put(unit, kind, id, undefined)),

    archive: (kind, id, expectedVersion, finalState, archivedAtMs) =>
      changing(kind, id, expectedVersion, (unit, row) => {
        put(unit, kind, id, undefined)
        const archived = { version: row.version + 1, state: stateText(finalState), archivedAtMs }
        kindOf(kind).archived.set(unit, id, archived)
      }),

    getArchived: (kind, id) =>
      reading((view) =>
        Option.map(Option.fromNullable(kindOf(kind).archived.get(id, view)), (row) => toArchived(kind, id, row)),
      ),

    list: (kind, which) =>
      reading((view) => {
        const rows = kindOf(kind).rows.all(view)
        return page(rows.keys(), which).flatMap((id) => {
          const row = rows.get(id)
          return row === undefined ? [] : [toStored(kind, id, row)]
        })
      }),

    listArchived: (kind, which) =>
      reading((view) => {
        const archived = kindOf(kind).archived.all(view)
        return page(archived.keys(), which).flatMap((id) => {
          const row = archived.get(id)
          return row === undefined ? [] : [toArchived(kind, id, row)]
        })
      }),

    dropArchived: (name, beforeMs, limit) =>
      Effect.map(Transaction, (transaction) => {
        const unit = unitOf(transaction)
        const kind = kindOf(name)
        const old = Array.from(kind.archived.all("unit"))
          .filter(([, { archivedAtMs }]) => archivedAtMs < beforeMs)
          .slice(0, limit)
        for (const [id] of old) kind.archived.set(unit, id, undefined)
        return old.length
      }),

    claim: (name, rank, { limit, nowMs, untilMs }) =>
      Effect.map(Transaction, (transaction) => {
        const unit = unitOf(transaction)
        const kind = kindOf(name)
        const due = kind.due(rank)
        const taken: Array<readonly [id: string, row: Row]> = []
        while (taken.length < limit) {
          const next = due.peek()
          const row = next === undefined ? undefined : kind.rows.get(next.id, "unit")
          if (next === undefined || row === undefined || next.dueAtMs > nowMs) break
          due.pop()
          taken.push([next.id, row])
        }
        return taken.map(([id, row]) => {
          const held = { ...row, version: row.version + 1, dueAtMs: untilMs }
          put(unit, name, id, held)
          return toStored(name, id, held)
        })
      }),

    nextDueAtMs: (kind) => reading((view) => kindOf(kind).nextDueAtMs(view)),

    backlog: (kind, nowMs) =>
      reading((view) => {
        const waiting = Array.from(kindOf(kind).rows.all(view).values()).filter(({ dueAtMs }) => dueAtMs !== null)
        return Array.from(Map.groupBy(waiting, ({ rank }) => rank))
          .toSorted(([a], [b]) => a - b)
          .map(([rank, rows]) => {
            const due = rows.flatMap(({ dueAtMs }) => (dueAtMs !== null && dueAtMs <= nowMs ? [dueAtMs] : []))
            return {
              rank,
              due: due.length,
              later: rows.length - due.length,
              oldestDueAtMs: due.length === 0 ? null : due.reduce((a, b) => Math.min(a, b)),
            }
          })
      }),

    count: (kind) => reading((view) => kindOf(kind).rows.all(view).size),

    kinds: (prefix) =>
      reading((view) =>
        Array.from(kinds)
          .filter(([name, { rows }]) => name.startsWith(prefix) && rows.all(view).size > 0)
          .map(([name]) => name)
          .toSorted(),
      ),

    hints: hints.subscribe,
  }
}
