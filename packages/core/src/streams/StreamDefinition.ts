/**
 * What a stream was defined as, kept beside its states, so that states of one definition never meet another.
 *
 * The first run under a name stores it; a later run that says something else is refused, and an older program that still
 * runs goes on undisturbed. Grace, watermark and batches may change from run to run: they are not part of it. What the
 * functions do cannot be seen from here, so whoever changes what they mean raises `revision`.
 */
import { Effect, Option } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { type StorageError, UnitOfWork } from "../consistency/UnitOfWork.ts"
import { EventLog } from "../messaging/EventLog.ts"
import { StreamDefinitionChanged } from "./StreamErrors.ts"
import { overtaken } from "./StreamGate.ts"
import * as Kinds from "./StreamKinds.ts"

export interface Definition {
  readonly name: string
  readonly topic: string
  /** What the states mean: the windows, or how many events are kept. */
  readonly shape: string
  /** Whether keys are those of the log's records. */
  readonly keys: "the record's" | "its own"
  readonly revision: number
}

const textOf = ({ keys, revision, shape, topic }: Definition): string =>
  `${shape}, of ${topic}, by ${keys} key, revision ${revision}`

/** Stores the definition, or compares it with what is stored. */
export const ensure = (
  definition: Definition,
): Effect.Effect<void, StorageError | StreamDefinitionChanged, AggregateStore | UnitOfWork> =>
  UnitOfWork.run(
    Effect.gen(function* () {
      const store = yield* AggregateStore
      const given = textOf(definition)
      const found = yield* store.get(Kinds.definitions, definition.name)
      if (Option.isNone(found)) {
        return yield* store.insert(Kinds.definitions, definition.name, { state: given, dueAtMs: null })
      }
      const stored = String(found.value.state)
      if (stored !== given) return yield* new StreamDefinitionChanged({ stream: definition.name, stored, given })
    }),
  ).pipe(
    // Another member stored it at the same moment: then compare with that.
    Effect.catchTag("VersionConflict", () => ensure(definition)),
  )

/**
 * Throws away all that a stream has gathered, and lets its group read the log again from the first record that is still
 * there; in one unit of work, so it is for streams of up to some 100,000 keys. What was emitted before stays with its
 * receiver, and is emitted again. Members that run go on from there.
 */
export const reset = (stream: {
  readonly name: string
  readonly topic: { readonly name: string }
}): Effect.Effect<void, StorageError, EventLog | AggregateStore | UnitOfWork> =>
  Effect.flatMap(EventLog, (log) =>
    UnitOfWork.run(
      Effect.gen(function* () {
        const { name, topic } = stream
        // In the order in which a batch takes them: offsets, gates, keys.
        for (const partition of yield* log.partitions(topic.name)) {
          const { start } = yield* log.bounds(topic.name, partition)
          yield* log.seek(Kinds.group(name), topic.name, partition, start)
        }
        for (const kind of [Kinds.gates(name), Kinds.marks(name), Kinds.keys(name)]) yield* removeAll(kind)
        const store = yield* AggregateStore
        const definition = yield* store.get(Kinds.definitions, name)
        if (Option.isSome(definition)) {
          yield* store.remove(Kinds.definitions, name, definition.value.version)
        }
      }),
    ).pipe(Effect.catchTag("VersionConflict", overtaken)),
  )

const PAGE = 500

const removeAll = (kind: string) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    while (true) {
      const page = yield* store.list(kind, { limit: PAGE })
      for (const { id, version } of page) yield* store.remove(kind, id, version)
      if (page.length < PAGE) return
    }
  })
