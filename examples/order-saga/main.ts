/**
 * An order of several steps, as a whole: reserve a seat, charge the card, issue the ticket, send the mail.
 *
 *   bun examples/order-saga/main.ts
 *
 * The first order's ticket printer breaks for good after the card was charged: the charge is refunded and the seat freed,
 * in reverse. The second order's card is declined: only the seat has to be freed. The third goes through, although the
 * bank is away at first. The seats are in the same SQLite file as the sagas, so a seat is reserved exactly once,
 * whatever happens; the bank is told the same key at each attempt, so it charges once.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AggregateStore } from "@paceline/core/consistency"
import { Saga } from "@paceline/core/workflow"
import { Data, Effect, Logger, LogLevel, Option, Schema } from "effect"
import * as SqliteStore from "../../packages/server/src/adapters/sqlite/SqliteStore.ts"
import { Bank } from "./Bank.ts"

const say = (line: string) => Effect.sync(() => console.log(`  ${line}`))

class PrinterBroken extends Data.TaggedError("PrinterBroken")<{ readonly message: string }> {
  /** The same call would fail again: it is not tried again. */
  readonly retryable = false
}

const bank = new Bank()

/** The seats are rows of the store: they change in the unit of work that records the step. */
const seat = (order: string, wanted: "taken" | "free") =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    const found = yield* store.get("seat", order)
    if (Option.isNone(found)) yield* store.insert("seat", order, { state: wanted, dueAtMs: null })
    else yield* store.update("seat", order, found.value.version, { state: wanted, dueAtMs: null })
  })

const OrderSaga = Saga.make({
  name: "order",
  input: Schema.Struct({ rider: Schema.String, cents: Schema.Int, card: Schema.String }),
  steps: (saga) =>
    saga
      .transaction("reserve seat", {
        result: Schema.Struct({ seat: Schema.Int }),
        run: ({ rider }, _, { id }) =>
          Effect.as(Effect.zipRight(seat(id, "taken"), say(`seat 7 is ${rider}'s`)), { seat: 7 }),
        compensate: (_, results, { id }) =>
          Effect.zipRight(seat(id, "free"), say(`seat ${results["reserve seat"].seat} is free again`)),
      })
      .call("charge card", {
        result: Schema.Struct({ charge: Schema.String }),
        retry: { backoff: { baseMillis: 50, maxMillis: 200, factor: 2 } },
        run: ({ card, cents }, _, { attempt, key }) =>
          bank.charge(card, cents, key).pipe(
            Effect.tap(() => say(`the bank charged ${cents / 100} €`)),
            Effect.tapError((error) => say(`attempt ${attempt} to charge the card failed: ${error.message}`)),
          ),
        // By the key of the charge: it also undoes one whose answer was lost.
        compensate: ({ cents }, _, { runKey }) =>
          Effect.zipRight(bank.refund(runKey), say(`the bank gave ${cents / 100} € back`)),
      })
      .call("issue ticket", {
        result: Schema.String,
        run: ({ rider }, results) =>
          rider === "Ada"
            ? Effect.zipRight(
                say("the ticket could not be issued"),
                Effect.fail(new PrinterBroken({ message: "the printer is broken" })),
              )
            : Effect.as(say(`ticket for seat ${results["reserve seat"].seat}`), `ticket of ${rider}`),
      })
      .call("send mail", {
        result: Schema.Null,
        run: ({ rider }) => Effect.as(say(`mail to ${rider}: see you at the start!`), null),
      }),
})

const order = (id: string, rider: string, card: string) =>
  Effect.gen(function* () {
    console.log(`\n${rider} orders a seat with ${card}:`)
    yield* OrderSaga.start(id, { rider, cents: 2_500, card })
    const end = yield* OrderSaga.await(id)
    const why =
      end.reason === undefined
        ? ""
        : `, because ${end.reason._tag === "StepFailed" ? end.reason.error : end.reason.why}`
    console.log(`  => ${end.status}${why}`)
    console.log("  timeline:")
    for (const { action, attempt, note, outcome, step } of end.timeline) {
      const what = step === null ? outcome : `${action} "${step}", attempt ${attempt}: ${outcome}`
      console.log(`    ${what}${note === null ? "" : ` (${note})`}`)
    }
    return end
  })

const promises: Array<readonly [string, boolean]> = []
const promise = (text: string, holds: boolean) => promises.push([text, holds])

const program = Effect.gen(function* () {
  yield* OrderSaga.work()

  const broken = yield* order("order-1", "Ada", "a good card")
  const undone = broken.timeline.filter(({ action }) => action === "compensate").map(({ step }) => step)
  promise("Ada's order was undone in reverse", undone.join(", ") === "charge card, reserve seat")
  promise("Ada has her money back", bank.balance("a good card") === 0)

  const declined = yield* order("order-2", "Bob", "an empty card")
  promise("Bob's order was undone", declined.status === "compensated" && bank.balance("an empty card") === 0)

  bank.away(2)
  const done = yield* order("order-3", "Cleo", "a slow card")
  promise("Cleo's order went through", done.status === "completed")
  promise("Cleo was charged once", bank.balance("a slow card") === 2_500)

  const store = yield* AggregateStore.AggregateStore
  const seats = (yield* store.list("seat", { limit: 9 })).map(({ state }) => state)
  promise("of three seats one is taken", seats.join(", ") === "free, free, taken")
})

const folder = mkdtempSync(join(tmpdir(), "paceline-order-saga-"))
try {
  await program.pipe(
    Effect.scoped,
    Effect.provide(SqliteStore.layer({ folder })),
    Logger.withMinimumLogLevel(LogLevel.Warning),
    Effect.runPromise,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

console.log("")
for (const [text, holds] of promises) console.log(`${holds ? "ok    " : "NOT OK"} ${text}`)
if (promises.length < 6 || promises.some(([, holds]) => !holds)) process.exitCode = 1
