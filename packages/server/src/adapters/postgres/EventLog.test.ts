import { onOneDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { EVENT_LOG_TOPICS, eventLogSuite } from "../suites/EventLogSuite.ts"

eventLogSuite("PostgreSQL", onOneDatabase(realPostgres(), { topics: EVENT_LOG_TOPICS }))
