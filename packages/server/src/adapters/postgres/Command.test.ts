import { Effect } from "effect"
import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { commandSuite } from "../suites/CommandSuite.ts"

const postgres = realPostgres()

commandSuite(
  "PostgreSQL",
  onOneDatabase(postgres),
  Effect.sync(() => onOneDatabase(postgres)),
)
