/**
 * Keys: issuing them, and telling whose one is.
 *
 * A key is shown once, when it is issued. Losing the store's file gives nobody a key, for only hashes are in it.
 */
import { UnitOfWork } from "@paceline/core/consistency"
import { type Actor, KeyIssuer, orUnavailable, Unauthorized } from "@paceline/core/contract"
import { Clock, Effect, Layer } from "effect"
import * as Key from "./Model.ts"
import { KeyRepository } from "./Repository.ts"

const unknownKey = new Unauthorized({
  message: "This key is not known here. Send a valid one, as `Authorization: Bearer <key>`.",
})

export class Keys extends Effect.Service<Keys>()("paceline/identity/Keys", {
  dependencies: [KeyRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* KeyRepository
    const work = yield* UnitOfWork

    const insertNew = Effect.fnUntraced(function* (actor: Actor) {
      const key = Key.keyOf(crypto.getRandomValues(new Uint8Array(Key.KEY_BYTES)))
      yield* repository.insert(Key.hashOf(key), actor, yield* Clock.currentTimeMillis)
      return key
    })

    return {
      /** A new key for `actor`. Inside a unit of work it is kept exactly when that unit commits. */
      issue: Effect.fn("Keys.issue")(insertNew, (unit) => work.run(unit), orUnavailable),

      /** A new admin key; those before it are worth nothing from now on. */
      replaceAdminKey: Effect.fn("Keys.replaceAdminKey")(
        function* () {
          yield* repository.removeAdminKeys()
          return yield* insertNew({ _tag: "Admin" })
        },
        (unit) => work.run(unit),
        orUnavailable,
      ),

      /** Whose key this is. */
      resolve: Effect.fn("Keys.resolve")(function* (key: string) {
        const actor = Key.isKey(key) ? yield* repository.find(Key.hashOf(key)) : null
        return actor === null ? yield* unknownKey : actor
      }, orUnavailable),
    }
  }),
}) {
  /** With the port through which other contexts get keys. */
  static readonly layer = Layer.effect(
    KeyIssuer,
    Effect.map(Keys, (keys) => KeyIssuer.of({ issue: keys.issue })),
  ).pipe(Layer.provideMerge(Keys.Default))
}
