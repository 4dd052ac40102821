/** A bank, as banks are: it can be away, it declines, and it does what it is asked under a key only once. */
import { Data, Effect } from "effect"

export class BankAway extends Data.TaggedError("BankAway")<{ readonly message: string }> {}

export class CardDeclined extends Data.TaggedError("CardDeclined")<{ readonly message: string }> {
  /** The same call would fail again: it is not tried again. */
  readonly retryable = false
}

export class Bank {
  readonly #charges = new Map<string, { readonly card: string; readonly cents: number }>()
  #away = 0

  /** The answers to the next `calls` are lost, though they are carried out. */
  away(calls: number): void {
    this.#away = calls
  }

  charge(
    card: string,
    cents: number,
    key: string,
  ): Effect.Effect<{ readonly charge: string }, BankAway | CardDeclined> {
    return Effect.suspend((): Effect.Effect<{ readonly charge: string }, BankAway | CardDeclined> => {
      if (card === "an empty card") return Effect.fail(new CardDeclined({ message: "the card is declined" }))
      this.#charges.set(key, { card, cents })
      if (this.#away-- > 0) return Effect.fail(new BankAway({ message: "the bank does not answer" }))
      return Effect.succeed({ charge: key })
    })
  }

  /** To give back what was never charged is no error. */
  refund(key: string) {
    return Effect.sync(() => this.#charges.delete(key))
  }

  /** What was charged to a card, in cents. */
  balance(card: string): number {
    return [...this.#charges.values()].reduce((sum, charge) => sum + (charge.card === card ? charge.cents : 0), 0)
  }
}
