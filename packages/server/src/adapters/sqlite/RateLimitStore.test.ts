import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "@effect/vitest"
import { rateLimiterStoreSuite } from "../suites/RateLimiterStoreSuite.ts"
import * as SqliteRateLimits from "./RateLimitStore.ts"
import * as SqliteStore from "./SqliteStore.ts"

const folder = mkdtempSync(join(tmpdir(), "paceline-limits-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

rateLimiterStoreSuite("sqlite", SqliteStore.layer({ folder }), SqliteRateLimits.layer)
