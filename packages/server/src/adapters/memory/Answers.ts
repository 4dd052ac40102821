/** `Answers` in memory. Units run one after the other, so a key that is taken is one that was answered. */
import { type Answers, IdempotencyKeyReused, Transaction } from "@paceline/core/consistency"
import { type Context, Effect } from "effect"
import { Cells } from "./Cells.ts"
import { unitOf } from "./UnitOfWork.ts"

interface Kept {
  readonly fingerprint: string
  readonly expiresAtMs: number
  /** JSON; undefined while the unit that took the key has not answered. */
  readonly answer: string | undefined
}

export const make = (): Context.Tag.Service<typeof Answers> => {
  const kept = new Cells<Kept>()

  return {
    take: (key, fingerprint, { expiresAtMs, nowMs }) =>
      Effect.flatMap(Transaction, (transaction) => {
        const unit = unitOf(transaction)
        const found = kept.get(key, "unit")
        if (found === undefined || found.expiresAtMs <= nowMs) {
          kept.set(unit, key, { fingerprint, expiresAtMs, answer: undefined })
          unit.onEnd(() => kept.dropIf(key, ({ answer }) => answer === undefined))
          return Effect.succeedNone
        }
        if (found.fingerprint !== fingerprint) return new IdempotencyKeyReused({ key })
        if (found.answer === undefined) throw new Error(`The key "${key}" is taken twice in one unit of work`)
        return Effect.succeedSome<unknown>(JSON.parse(found.answer))
      }),

    put: (key, answer) =>
      Effect.map(Transaction, (transaction) => {
        const unit = unitOf(transaction)
        const found = kept.get(key, "unit")
        if (found === undefined) throw new Error(`The key "${key}" was not taken in this unit of work`)
        kept.set(unit, key, { ...found, answer: JSON.stringify(answer ?? null) })
      }),

    removeExpired: (nowMs, limit) =>
      Effect.map(Transaction, (transaction) => {
        const unit = unitOf(transaction)
        const over = Array.from(kept.all("unit"))
          .filter(([, { expiresAtMs }]) => expiresAtMs <= nowMs)
          .slice(0, limit)
        for (const [key] of over) kept.set(unit, key, undefined)
        return over.length
      }),
  }
}
