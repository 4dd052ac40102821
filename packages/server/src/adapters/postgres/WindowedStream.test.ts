import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { windowedRecoverySuite } from "../suites/WindowedRecoverySuite.ts"
import { WINDOWED_TOPICS } from "../suites/WindowedServices.ts"
import { windowedStreamSuite } from "../suites/WindowedStreamSuite.ts"

const store = onNewDatabase(realPostgres(), { topics: WINDOWED_TOPICS })

windowedStreamSuite("PostgreSQL", store)
windowedRecoverySuite("PostgreSQL", store, { randomStreams: 4 })
