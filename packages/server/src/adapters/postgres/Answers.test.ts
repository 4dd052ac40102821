import { Effect } from "effect"
import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { answersSuite } from "../suites/AnswersSuite.ts"

const postgres = realPostgres()

answersSuite(
  "PostgreSQL",
  onOneDatabase(postgres),
  Effect.sync(() => onOneDatabase(postgres)),
)
