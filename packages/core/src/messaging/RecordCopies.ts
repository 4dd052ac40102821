/**
 * The copies of records that outlive the log: parked, because a handler could not take them, and dead letters.
 *
 * Retention and redaction do not reach them, on purpose. Where the records of a key must not be kept any more, their
 * copies have to go as well; consumers that knew of them find nothing, and go on.
 *
 * @example
 * yield* UnitOfWork.run(RecordCopies.forget("athlete-4t7w0z9k2mqe")) // how many copies there were
 */
import { Effect, Option, Schema } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as Kinds from "./GroupKinds.ts"

const PAGE = 500

const keyOf = Schema.decodeUnknownOption(Schema.Struct({ key: Schema.String }))

/** Forgets all copies of the key's records, of every group and topic, in the caller's unit. Answers how many. */
export const forget = (
  key: string,
): Effect.Effect<number, StorageError | VersionConflict, Transaction | AggregateStore> =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    let forgotten = 0
    for (const kind of yield* store.kinds(Kinds.allParked)) {
      const parked = yield* store.get(kind, key)
      if (Option.isNone(parked)) continue
      yield* store.remove(kind, key, parked.value.version)
      forgotten++
    }
    for (const kind of yield* store.kinds(Kinds.allDeadLetters)) {
      let after: string | undefined
      while (true) {
        const page = yield* store.list(kind, { ...(after === undefined ? {} : { after }), limit: PAGE })
        for (const { id, state, version } of page) {
          const letter = keyOf(state)
          if (Option.isNone(letter) || letter.value.key !== key) continue
          yield* store.remove(kind, id, version)
          forgotten++
        }
        after = page.at(-1)?.id
        if (page.length < PAGE) break
      }
    }
    return forgotten
  })
