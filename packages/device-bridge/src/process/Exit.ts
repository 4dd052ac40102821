/** How the program ends: the codes of sysexits.h, and which of them an error is. */
import { BufferFailed, BufferFull, BufferOwned, BufferTooNew, SqliteUnsafe } from "../buffer/Errors.ts"

export const Exit = {
  ok: 0,
  usage: 64,
  data: 65,
  unavailable: 69,
  cannotCreate: 73,
  io: 74,
  owned: 75,
  noPermission: 77,
  tooNew: 78,
} as const

/** Null for what nobody expects. */
export const exitCodeOf = (thrown: unknown): number | null => {
  if (thrown instanceof BufferOwned) return Exit.owned
  if (thrown instanceof BufferTooNew) return Exit.tooNew
  if (thrown instanceof SqliteUnsafe) return Exit.unavailable
  if (thrown instanceof BufferFull) return Exit.io
  if (thrown instanceof BufferFailed) return thrown.code === "SQLITE_CANTOPEN" ? Exit.cannotCreate : Exit.io
  return null
}
