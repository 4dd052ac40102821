import { describe, expect, it } from "vitest"
import * as PromiseLoadBalancer from "./LoadBalancer.ts"

const targets = { a: "A", b: "B", c: "C" }
const self = (target: string): string => target

describe("Load balancer for promises", () => {
  it("[resilience 55] calls each in turn", async () => {
    const balancer = PromiseLoadBalancer.make({ name: "l", targets, dispatch: "round-robin" })
    const called = [
      await balancer.use(self),
      await balancer.use(self),
      await balancer.use(self),
      await balancer.use(self),
    ]
    expect(called).toEqual(["A", "B", "C", "A"])
  })

  it("[resilience 55] calls the least busy, and counts a call until it ends, however it ends", async () => {
    const balancer = PromiseLoadBalancer.make({ name: "l", targets })
    let fail = (_: Error): void => {}
    const open = balancer.use(
      () =>
        new Promise<never>((_, reject) => {
          fail = reject
        }),
    )
    expect(balancer.loads()).toEqual({ a: 1, b: 0, c: 0 })
    expect([await balancer.use(self), await balancer.use(self)]).toEqual(["B", "C"])
    await expect(
      balancer.use(() => {
        throw new Error("bug")
      }),
    ).rejects.toThrow("bug")
    fail(new Error("down"))
    await expect(open).rejects.toThrow("down")
    expect(balancer.loads()).toEqual({ a: 0, b: 0, c: 0 })
  })

  it("[resilience 55] keeps a sticky key where it is until that target is taken away", async () => {
    const balancer = PromiseLoadBalancer.make({ name: "l", targets, dispatch: "sticky" })
    const first = await balancer.use(self, "athlete-7")
    for (let i = 0; i < 20; i++) balancer.add(`new-${i}`, `new ${i}`)
    expect(await balancer.use(self, "athlete-7")).toBe(first)
    balancer.remove(first.toLowerCase())
    expect(await balancer.use(self, "athlete-7")).not.toBe(first)
  })

  it("says when there is nobody to call", async () => {
    const balancer = PromiseLoadBalancer.make({ name: "replicas", targets: { only: 1 } })
    balancer.remove("only")
    await expect(balancer.use((target) => target)).rejects.toBeInstanceOf(PromiseLoadBalancer.NoTarget)
  })
})
