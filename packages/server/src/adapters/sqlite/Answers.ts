/**
 * `Answers` on SQLite. Units run one after the other, so a key that is taken is one that was answered, or one that the
 * running unit took itself.
 */
import { type Answers, IdempotencyKeyReused } from "@paceline/core/consistency"
import { type Context, Effect, Option } from "effect"
import type { Database } from "./Database.ts"
import { StoreAccess } from "./StoreAccess.ts"

const SQL = {
  find: `SELECT fingerprint, answer FROM idempotent_answer
    WHERE key = ? AND expires_at_ms > ? AND answer IS NOT NULL`,
  take: `INSERT INTO idempotent_answer (key, fingerprint, answer, expires_at_ms) VALUES (?, ?, NULL, ?)
    ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, answer = NULL, expires_at_ms = excluded.expires_at_ms`,
  put: `UPDATE idempotent_answer SET answer = ?2 WHERE key = ?1`,
  removeExpired: `DELETE FROM idempotent_answer WHERE key IN (
    SELECT key FROM idempotent_answer WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)`,
} as const

const prepare = (database: Database) => ({
  find: database.prepare<{ fingerprint: string; answer: string }>(SQL.find),
  take: database.prepare(SQL.take),
  put: database.prepare(SQL.put),
  removeExpired: database.prepare(SQL.removeExpired),
})

const json = (answer: unknown): string => {
  const text = JSON.stringify(answer)
  if (text === undefined) throw new TypeError("An answer must be JSON data")
  return text
}

export const make = (writing: Database, reading: Database): Context.Tag.Service<typeof Answers> => {
  const store = new StoreAccess(writing, reading, prepare)
  const { onWriter } = store
  return {
    take: (key, fingerprint, { expiresAtMs, nowMs }) =>
      store.writing((): Effect.Effect<Option.Option<unknown>, IdempotencyKeyReused> => {
        const found = onWriter.find.get(key, nowMs)
        if (found === null) {
          onWriter.take.run(key, fingerprint, expiresAtMs)
          return Effect.succeedNone
        }
        if (found.fingerprint !== fingerprint) return Effect.fail(new IdempotencyKeyReused({ key }))
        return Effect.succeed(Option.some(JSON.parse(found.answer)))
      }),

    put: (key, answer) =>
      store.changing(() => {
        if (onWriter.put.run(key, json(answer)).changes === 0) {
          throw new Error(`The idempotency key "${key}" was not taken in this unit of work`)
        }
      }),

    removeExpired: (nowMs, limit) => store.changing(() => onWriter.removeExpired.run(nowMs, limit).changes),
  }
}
