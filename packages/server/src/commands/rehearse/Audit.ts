/**
 * Reads every chunk of a bridge's buffer and of a server's store, read-only, and decodes what it holds.
 *
 * The audit opens the files themselves and trusts neither side's own account. A chunk whose checksum is wrong or
 * whose bytes are no bundle is not left out in silence: it is among the `unreadable`.
 */
import { Database } from "bun:sqlite"
import { Bundle, crc32 } from "@paceline/core/wire"
import type { LedgerChunk } from "./Ledger.ts"

export interface Audit {
  /** In the order of delivery: incarnation by incarnation, each by number. */
  readonly chunks: ReadonlyArray<LedgerChunk>
  /** What could not be read, in words. */
  readonly unreadable: ReadonlyArray<string>
}

/**
 * All that the bridge accepted: delivered, still waiting, and set aside. The bridge forgets the order of its
 * incarnations once all their chunks are delivered; the order in which they were acknowledged tells it.
 *
 * @throws when the file is not there or no buffer
 */
export const ofBridge = (file: string): Audit =>
  audit(
    file,
    `with accepted as (
       select rowid as place, incarnation, n, crc, payload from delivered
       union all select 1e15 + rowid, incarnation, n, crc, payload from chunk
       union all select 2e15 + rowid, incarnation, n, crc, payload from quarantine
     )
     select incarnation, n, crc, payload from accepted
     order by min(place) over (partition by incarnation), n`,
  )

/**
 * All that the server stored of the device, in the order in which it was received. What it put in quarantine is
 * not stored: its samples are lost to everybody.
 *
 * @throws when the file is not there or no store
 */
export const ofServer = (file: string, deviceId: string): Audit =>
  audit(file, "select incarnation, n, crc, payload from chunk where device_id = ? order by rowid", deviceId)

const audit = (file: string, sql: string, ...parameters: ReadonlyArray<string>): Audit => {
  const database = new Database(file, { readonly: true, strict: true })
  const chunks: Array<LedgerChunk> = []
  const unreadable: Array<string> = []
  try {
    database.run("pragma busy_timeout = 5000")
    const rows = database.query<{ incarnation: string; n: number; crc: number; payload: Uint8Array }, Array<string>>(
      sql,
    )
    for (const { incarnation, n, crc, payload } of rows.iterate(...parameters)) {
      const bundle = Bundle.decode(payload)
      if (crc32(payload) !== crc) unreadable.push(`chunk ${incarnation}/${n} in ${file}: its checksum is wrong`)
      else if ("_tag" in bundle) unreadable.push(`chunk ${incarnation}/${n} in ${file}: ${bundle.detail}`)
      else chunks.push({ incarnation, n, bundle })
    }
  } finally {
    database.close()
  }
  return { chunks, unreadable }
}
