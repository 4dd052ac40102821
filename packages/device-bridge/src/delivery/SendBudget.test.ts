import fc from "fast-check"
import { expect, test } from "vitest"
import { standardLimits as limits } from "./Protocol.ts"
import * as SendBudget from "./SendBudget.ts"

test("it grows by what is acknowledged soon, and halves when an acknowledgement took long", () => {
  const start = SendBudget.initial(0, limits)
  expect(start.bytes).toBe(65_536)
  const grown = SendBudget.acknowledged(start, 10, 10_000, 210, limits)
  expect(grown.bytes).toBe(75_536)
  expect(SendBudget.acknowledged(grown, 10, 10_000, 211, limits)).toEqual({ bytes: 37_768, since: 211 })
})

test("chunks sent under the greater budget do not halve it again", () => {
  const halved = SendBudget.acknowledged({ bytes: 800_000, since: 0 }, 0, 10_000, 1_000, limits)
  expect(halved.bytes).toBe(400_000)
  expect(SendBudget.acknowledged(halved, 999, 10_000, 2_000, limits)).toBe(halved)
  expect(SendBudget.acknowledged(halved, 1_000, 10_000, 2_000, limits).bytes).toBe(200_000)
})

test("it stays within its bounds, whatever happens", () => {
  const acknowledgement = fc.record({ tookMillis: fc.nat(5_000), bytes: fc.nat(2_000_000) })
  fc.assert(
    fc.property(fc.array(acknowledgement), (acknowledgements) => {
      let now = 0
      let budget = SendBudget.initial(now, limits)
      for (const { tookMillis, bytes } of acknowledgements) {
        const sentAt = now
        now += tookMillis
        budget = SendBudget.acknowledged(budget, sentAt, bytes, now, limits)
        expect(budget.bytes).toBeGreaterThanOrEqual(limits.minBudgetBytes)
        expect(budget.bytes).toBeLessThanOrEqual(limits.maxBudgetBytes)
      }
    }),
    { seed: 20_261_120 },
  )
})

test("on a line of 50 kB/s it settles where a reading waits well under a second", () => {
  // A line that carries 50 bytes a millisecond, behind a queue without end.
  const line = { freeAt: 0 }
  let now = 0
  let budget = SendBudget.initial(now, limits)
  let inFlight: Array<{ sentAt: number; arrivesAt: number; bytes: number }> = []
  const waits: Array<number> = []
  for (let acks = 0; acks < 500; acks++) {
    while (inFlight.reduce((sum, { bytes }) => sum + bytes, 0) < budget.bytes) {
      line.freeAt = Math.max(line.freeAt, now) + 4_000 / 50
      inFlight.push({ sentAt: now, arrivesAt: line.freeAt, bytes: 4_000 })
    }
    // A live frame that is sent now would wait for this.
    if (acks > 100) waits.push(line.freeAt - now)
    const [first, ...rest] = inFlight
    inFlight = rest
    now = first?.arrivesAt ?? now
    budget = SendBudget.acknowledged(budget, first?.sentAt ?? 0, 4_000, now, limits)
  }
  expect(Math.max(...waits)).toBeLessThan(900)
  expect(now).toBeLessThan((500 * 4_000) / 50 + 1_000)
})
