import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { WINDOWED_TOPICS } from "../suites/WindowedServices.ts"
import { windowedStreamSuite } from "../suites/WindowedStreamSuite.ts"

windowedStreamSuite("PostgreSQL", onNewDatabase(realPostgres(), { topics: WINDOWED_TOPICS }))
