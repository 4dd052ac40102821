/**
 * Buffers in a folder of their own for one test at a time, closed and gone after it. Import it once in a test file:
 * the hooks are registered by that.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Bundle } from "@paceline/core/wire"
import { afterEach, beforeEach } from "vitest"
import { ChunkBuffer, type ChunkBufferOptions, type StoredChunk, type StoredItem } from "../src/buffer/ChunkBuffer.ts"
import { bunSqlite } from "../src/drivers/BunSqlite.ts"
import type { SqliteDriver } from "../src/drivers/SqliteDriver.ts"
import { smallDisk } from "../src/verify/SmallDisk.ts"

export let folder = ""
export let path = ""
export let opened: Array<ChunkBuffer> = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-buffer-"))
  path = join(folder, "buffer.sqlite")
  opened = []
})
afterEach(() => {
  for (const buffer of opened) buffer.close()
  rmSync(folder, { recursive: true, force: true })
})

export const open = (options: Partial<ChunkBufferOptions> = {}): ChunkBuffer => {
  const buffer = ChunkBuffer.open({ path, driver: bunSqlite(), ...options })
  opened.push(buffer)
  return buffer
}

/** Records one sample and makes a chunk of it. */
export const append = (buffer: ChunkBuffer, value: number): void => {
  buffer.record("strap-01", "power", value, value)
  buffer.flush()
}

/** The one value in a chunk made by `append`. */
export const valueIn = (chunk: StoredChunk): number => {
  const bundle = Bundle.decode(chunk.payload)
  if ("_tag" in bundle) throw new Error(bundle.detail)
  return bundle[0]?.values[0] ?? Number.NaN
}

/** The chunks among what a page holds. */
export const chunksIn = (page: ReadonlyArray<StoredItem>): Array<StoredChunk> =>
  page.filter((item) => item._tag === "Chunk")
export const gapsIn = (page: ReadonlyArray<StoredItem>): Array<Extract<StoredItem, { readonly _tag: "Gap" }>> =>
  page.filter((item) => item._tag === "Gap")

export const valuesIn = (buffer: ChunkBuffer): Array<number> => chunksIn(buffer.page(null, 1_000)).map(valueIn)
export const identities = (buffer: ChunkBuffer): Array<string> =>
  buffer.page(null, 1_000).map(({ incarnation, n }) => `${incarnation}/${n}`)

/** Looks into the file from outside. */
export const query = (sql: string, file = path): ReadonlyArray<unknown> => {
  const database = bunSqlite().open(file)
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}

/** Changes the file from outside. */
export const tamper = (sql: string): void => {
  const database = bunSqlite().open(path)
  database.exec(sql)
  database.close()
}

/** A disk with room for so many pages of 4 KiB. */
export const small = (pages: () => number): SqliteDriver => smallDisk(bunSqlite(), pages)

/** The error that `action` throws; each attempt on a lock takes a second, so one must do. */
export const refusal = (action: () => unknown): unknown => {
  try {
    action()
  } catch (thrown) {
    return thrown
  }
  throw new Error("nothing was thrown")
}
