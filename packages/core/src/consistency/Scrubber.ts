/**
 * Has the store overwrite what was deleted from it.
 *
 * A store that deletes a row only forgets where it lay: its bytes stay in the file until something else needs the room.
 * Where that is not enough, this makes them go. It costs as much as copying the store, and writers wait meanwhile.
 */
import { Context, type Effect } from "effect"
import type { StorageError } from "./UnitOfWork.ts"

export class Scrubber extends Context.Tag("@paceline/core/consistency/Scrubber")<
  Scrubber,
  {
    /** False when something that is running did not let it: ask again in a moment. */
    readonly scrub: Effect.Effect<boolean, StorageError>
  }
>() {}
