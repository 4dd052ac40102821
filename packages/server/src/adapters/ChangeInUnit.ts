/**
 * `AggregateStore.change` of an engine that has nothing faster: the steps that the port names, in one unit of work.
 *
 * A change that was overtaken between loading and writing fails with the store's own `VersionConflict`.
 */
import type { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import type { EventLog } from "@paceline/core/messaging"
import { Clock, type Context, Effect, Option } from "effect"

type Service = Context.Tag.Service<typeof AggregateStore.AggregateStore>

export interface ChangeParts {
  readonly store: Omit<Service, "change">
  readonly log: Context.Tag.Service<typeof EventLog.EventLog>
  readonly work: Context.Tag.Service<typeof UnitOfWork>
}

export const changeInUnit =
  ({ log, store, work }: ChangeParts): Service["change"] =>
  (kind, id, decide) =>
    work.run(
      Effect.gen(function* () {
        const stored = Option.getOrNull(yield* store.get(kind, id))
        const isArchived = stored === null && Option.isSome(yield* store.getArchived(kind, id))
        const nowMs = yield* Clock.currentTimeMillis
        const { answer, next } = decide({ stored, isArchived }, nowMs)
        if (next === undefined) return answer
        if (stored === null) yield* store.insert(kind, id, next)
        if (next.archive === true) yield* store.archive(kind, id, stored?.version ?? 1, next.state, nowMs)
        else if (stored !== null) yield* store.update(kind, id, stored.version, next)
        for (const { records, topic } of next.records ?? []) yield* log.append(topic, records)
        return answer
      }),
    )
