/**
 * `Scrubber` on SQLite: the file is written anew without what was deleted (`VACUUM`), and the write-ahead log, which
 * still has the old pages, is folded in and cut to nothing.
 *
 * It runs on the writer's own connection between two of its turns, so nobody has to be locked out. Units of work wait
 * meanwhile: about a second for each 100 MB. The copy is made in a temporary file, not in memory.
 */
import type { Scrubber } from "@paceline/core/consistency"
import { type Context, Effect } from "effect"
import type { Database } from "./Database.ts"

export const make = (writing: Database): Context.Tag.Service<typeof Scrubber> => ({
  scrub: Effect.try({
    try: () => {
      if (writing.inTransaction) return false
      writing.run("PRAGMA temp_store=FILE")
      try {
        writing.run("VACUUM")
      } finally {
        writing.run("PRAGMA temp_store=MEMORY")
      }
      const [row] = writing.statement("PRAGMA wal_checkpoint(TRUNCATE)").all()
      return Reflect.get(Object(row), "busy") === 0
    },
    catch: (cause) => writing.storageError(cause),
  }),
})
