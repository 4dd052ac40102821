import { unitOfWorkSuite } from "../suites/UnitOfWorkSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

unitOfWorkSuite("SQLite", SqliteStore.layerTest())
