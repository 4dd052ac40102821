import { describe, expect, it } from "@effect/vitest"
import * as Fault from "../kernel/resilience/Fault.ts"
import { AggregateNotFound } from "./Aggregate.ts"
import { IdempotencyKeyReused } from "./Answers.ts"
import { ThreadFull } from "./CausalThreads.ts"
import { ConflictUnresolved, FieldConflict, Superseded } from "./ConflictErrors.ts"
import { VersionConflict } from "./OptimisticLock.ts"
import { InvalidSessionToken, NotYetVisible } from "./ReadYourWrites.ts"
import { MoveRefused, NoShard, SlotFrozen } from "./Shards.ts"

const bike = { aggregate: "bike", id: "b" }

const unresolved = new ConflictUnresolved({
  ...bike,
  expectedVersion: 7,
  actualVersion: 9,
  mine: { name: "mine", tyre: { bar: 5 } },
  theirs: { name: "theirs", tyre: { bar: 6 } },
  fields: [new FieldConflict({ path: ["name"] }), new FieldConflict({ path: ["tyre", "bar"] })],
})

describe("errors of this room", () => {
  it("are not tried again by a retry, nor counted by a breaker, when the same would fail again", () => {
    const errors = [
      unresolved,
      new Superseded({ ...bike, actualVersion: 9 }),
      new AggregateNotFound({ ...bike, archived: false }),
      new IdempotencyKeyReused({ key: "k" }),
      new VersionConflict({ ...bike, expectedVersion: 7, actualVersion: 9 }),
      new InvalidSessionToken(),
      new ThreadFull({ thread: "t", missing: ["a"] }),
      new NoShard({ what: "the key" }),
      new MoveRefused({ slot: "s", step: "Copy", phase: "settled" }),
    ]
    for (const error of errors) expect(Fault.kindOf(error), error._tag).toBe("permanent")
  })

  it("are tried again when waiting helps, as late as they say", () => {
    const frozen = new SlotFrozen({ slot: "s", retryAfterMillis: 100 })
    expect(Fault.mayPass(Fault.kindOf(frozen))).toBe(true)
    expect(Fault.retryAfterMillis(frozen, 0)).toBe(100)
    expect(Fault.mayPass(Fault.kindOf(new NotYetVisible({ waitedMillis: 1, behind: [] })))).toBe(true)
  })

  it("say what is wrong, and what to do", () => {
    expect(unresolved.message).toContain("version 9, not 7")
    expect(unresolved.message).toContain("name, tyre.bar")
    expect(new AggregateNotFound({ ...bike, archived: true }).message).toContain("archive")
    expect(new ThreadFull({ thread: "t", missing: ["a", "b"] }).message).toContain("a, b")
  })
})
