import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Lease from "./Lease.ts"

const granted = (attempt: Lease.Attempt): Lease.LeaseRecord => {
  if (attempt._tag !== "Granted") throw new Error("not granted")
  return attempt.record
}

const a = { owner: "a", ttlMillis: 100, token: 1 }
const b = { owner: "b", ttlMillis: 100, token: 2 }

describe("Lease, the store's side", () => {
  it("grants what nobody holds, and says how long it is held", () => {
    const record = granted(Lease.tryAcquire(undefined, a, 1_000))
    expect(record).toEqual({ token: 1, owner: "a", ttlMillis: 100, expiresAtMillis: 1_100 })
    expect(Lease.tryAcquire(record, b, 1_030)).toEqual({ _tag: "Held", record, retryAfterMillis: 70 })
    expect(Lease.tryAcquire(record, b, 1_099)._tag).toBe("Held")
    expect(granted(Lease.tryAcquire(record, b, 1_100)).owner).toBe("b")
  })

  it("renews for its owner while it lasts, and for nobody else", () => {
    const record = granted(Lease.tryAcquire(undefined, a, 0))
    expect(Lease.renew(record, "a", 100, 99)?.expiresAtMillis).toBe(199)
    expect(Lease.renew(record, "b", 100, 99)).toBeUndefined()
    expect(Lease.renew(record, "a", 100, 100)).toBeUndefined()
    expect(Lease.renew(undefined, "a", 100, 0)).toBeUndefined()
  })

  it("[resilience 74] releases for its owner only, once", () => {
    const record = granted(Lease.tryAcquire(undefined, a, 0))
    expect(Lease.release(record, "b")).toBeUndefined()
    const released = Lease.release(record, "a")
    expect(released?.owner).toBeUndefined()
    expect(Lease.release(released, "a")).toBeUndefined()
    expect(granted(Lease.tryAcquire(released, b, 1)).token).toBe(2)
  })

  it("[resilience 73] passes the token in force only", () => {
    const first = granted(Lease.tryAcquire(undefined, a, 0))
    expect(Lease.passes(first, 1)).toBe(true)
    const second = granted(Lease.tryAcquire(first, b, 100))
    expect(Lease.passes(second, 1)).toBe(false)
    expect(Lease.passes(second, 2)).toBe(true)
    expect(Lease.passes(second, 3)).toBe(false)
    expect(Lease.passes(Lease.release(second, "b"), 2)).toBe(false)
    expect(Lease.passes(undefined, 2)).toBe(false)
  })

  it("is not held longer than its time to live when the clock was set back", () => {
    const record = granted(Lease.tryAcquire(undefined, a, 3_600_000))
    const attempt = Lease.tryAcquire(record, b, 0)
    expect(attempt).toMatchObject({ _tag: "Held", retryAfterMillis: 100, record: { expiresAtMillis: 100 } })
    expect(Lease.tryAcquire(attempt.record, b, 100)._tag).toBe("Granted")
  })

  const steps = fc.array(
    fc.record({
      act: fc.constantFrom("acquire" as const, "renew" as const, "release" as const, "write" as const),
      who: fc.nat(3),
      after: fc.nat(60),
    }),
    { maxLength: 80 },
  )

  it("[resilience 72] [resilience 73] never has two holders, and no write of an earlier grant passes after a later one", () => {
    fc.assert(
      fc.property(steps, (plan) => {
        let now = 0
        let record: Lease.LeaseRecord | undefined
        let last = 0
        /** The slow model: every grant ever made, with the time its holder may believe in it. */
        const grants: Array<{ owner: string; who: number; token: number; until: number; released: boolean }> = []
        for (const { act, after, who } of plan) {
          now += after
          const mine = grants.findLast((grant) => grant.who === who)
          if (act === "acquire") {
            const owner = `${who}:${last + 1}`
            const attempt = Lease.tryAcquire(record, { owner, ttlMillis: 100, token: last + 1 }, now)
            record = attempt.record
            const holders = grants.filter((grant) => !grant.released && grant.until > now)
            expect(attempt._tag).toBe(holders.length === 0 ? "Granted" : "Held")
            if (attempt._tag === "Held") continue
            expect(attempt.record.token).toBeGreaterThan(last)
            last = attempt.record.token
            grants.push({ owner, who, token: last, until: now + 100, released: false })
          } else if (mine !== undefined && act === "renew") {
            const renewed = Lease.renew(record, mine.owner, 100, now)
            expect(renewed !== undefined).toBe(!mine.released && mine.until > now && mine === grants.at(-1))
            if (renewed === undefined) continue
            record = renewed
            mine.until = now + 100
          } else if (mine !== undefined && act === "release") {
            const released = Lease.release(record, mine.owner)
            expect(released !== undefined).toBe(!mine.released && mine === grants.at(-1))
            record = released ?? record
            mine.released = true
          } else if (mine !== undefined) {
            expect(Lease.passes(record, mine.token)).toBe(!mine.released && mine === grants.at(-1))
          }
        }
      }),
    )
  })
})

describe("Lease, the holder's side", () => {
  it("[resilience 75] is nothing when the answer took as long as the lease lasts", () => {
    expect(Lease.hold(1, 100, 0, 99)?.heldUntilMillis).toBe(100)
    expect(Lease.hold(1, 100, 0, 100)).toBeUndefined()
  })

  it("[resilience 76] is lost when its time is over, and stays lost", () => {
    const lease = Lease.hold(1, 100, 0, 10)!
    expect(Lease.lossOf(lease, 99)).toBeUndefined()
    expect(Lease.lossOf(lease, 100)).toBe("expired")
    expect(Lease.prolong(lease, 90, 100)).toBe(false)
    expect(Lease.lossOf(lease, 0)).toBe("expired")
    expect(Lease.lose(lease, "released", 0)).toBe("expired")
  })

  it("counts a renewal from when it was asked for, and never shortens", () => {
    const lease = Lease.hold(1, 100, 0, 0)!
    expect(Lease.prolong(lease, 40, 60)).toBe(true)
    expect(lease.heldUntilMillis).toBe(140)
    expect(Lease.prolong(lease, 30, 70)).toBe(true)
    expect(lease.heldUntilMillis).toBe(140)
  })

  it("renews when a third has passed, sooner after a failure, and never after its end", () => {
    const lease = Lease.hold(1, 30_000, 0, 0)!
    expect(Lease.renewAfterMillis(lease, 0)).toBe(10_000)
    expect(Lease.renewAfterMillis(lease, 10_500)).toBe(0)
    expect(Lease.renewAfterMillis(lease, 10_000, true)).toBe(1_000)
    expect(Lease.renewAfterMillis(lease, 29_500, true)).toBe(500)
  })

  it("[resilience 76] never believes longer than the store, however slow the way is", () => {
    const trip = fc.record({ there: fc.nat(80), back: fc.nat(80), after: fc.nat(80) })
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.array(trip, { minLength: 1 }), (skew, trips) => {
        let now = 0
        let record: Lease.LeaseRecord | undefined
        let lease: Lease.Lease | undefined
        for (const { after, back, there } of trips) {
          now += after
          const askedAt = now
          const atStore = now + there + skew
          const renewed =
            lease === undefined
              ? granted(Lease.tryAcquire(undefined, a, atStore))
              : Lease.renew(record, "a", 100, atStore)
          now += there + back
          if (renewed !== undefined) record = renewed
          if (lease === undefined) lease = Lease.hold(1, 100, askedAt, now)
          else if (renewed !== undefined) Lease.prolong(lease, askedAt, now)
          if (lease === undefined) return
          if (Lease.lossOf(lease, now) === undefined) expect(Lease.isTaken(record, now + skew)).toBe(true)
        }
      }),
    )
  })
})
