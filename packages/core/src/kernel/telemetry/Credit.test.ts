import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Credit from "./Credit.ts"

const share = fc.integer({ min: 1, max: 1_000 })

describe("credit", () => {
  test("[bridge 19] what waits at the receiver is never more than a share and one frame, and all is sent at last", () => {
    const steps = fc.array(fc.oneof(fc.constant("send" as const), fc.constant("store" as const)), { maxLength: 100 })
    fc.assert(
      fc.property(
        share,
        fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 40 }),
        steps,
        (s, frames, all) => {
          const longest = Math.max(...frames)
          let credit = Credit.open(s)
          let told = s
          let spent = 0
          const left = [...frames]
          const waiting: Array<number> = []
          const send = (): void => {
            const next = left[0]
            if (next === undefined || spent >= told) return
            left.shift()
            spent += next
            const charged = Credit.charge(credit, next)
            if (charged === null) throw new Error("a sender that keeps the rule was refused")
            credit = charged
            waiting.push(next)
            expect(waiting.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(s + longest)
          }
          const store = (): void => {
            const bytes = waiting.shift()
            if (bytes === undefined) return
            const settled = Credit.settle(credit, bytes, s)
            credit = settled.credit
            if (settled.grant !== null) {
              expect(settled.grant).toBeGreaterThan(told)
              told = settled.grant
            }
          }
          for (const step of all) (step === "send" ? send : store)()
          for (let i = 0; i < 200; i++) {
            send()
            store()
          }
          expect(left).toEqual([])
          expect(credit.settled).toBe(frames.reduce((sum, bytes) => sum + bytes, 0))
        },
      ),
    )
  })

  test("[bridge 19] refuses what comes after it was used up", () => {
    const used = Credit.charge(Credit.open(100), 150)
    expect(used).toEqual({ granted: 100, charged: 150, settled: 0 })
    expect(Credit.charge(used!, 1)).toBeNull()
  })

  test("is told again only when half a share has been dealt with", () => {
    expect(Credit.settle(Credit.open(100), 49, 100).grant).toBeNull()
    expect(Credit.settle(Credit.open(100), 50, 100).grant).toBe(150)
  })

  test("a smaller share is reached by granting nothing for a while", () => {
    const credit = Credit.open(1_000)
    const settled = Credit.settle(credit, 900, 100)
    expect(settled.grant).toBeNull()
    expect(Credit.settle(settled.credit, 100, 100).grant).toBe(1_100)
  })
})

test("[bridge 19] the memory of a receiver is shared equally, within bounds", () => {
  const shares = { total: 1_000, least: 10, most: 300 }
  expect([0, 1, 4, 50, 1_000].map((connections) => Credit.shareOf(shares, connections))).toEqual([
    300, 300, 250, 20, 10,
  ])
})
