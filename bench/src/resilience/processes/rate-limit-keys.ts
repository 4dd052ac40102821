/** Prints how many bytes of resident memory a key takes: `rate-limit-keys.ts ours|theirs COUNT`. */
import { RateLimiter } from "@paceline/core/kernel"
import { Promises } from "@paceline/core/resilience"
import { RateLimiterMemory } from "rate-limiter-flexible"
import { collectGarbage } from "../../Harness.ts"

const [who, howMany] = process.argv.slice(2)
const count = Number(howMany)

const ours = Promises.rateLimiter({ maxKeys: count })
const theirs = new RateLimiterMemory({ points: 100, duration: 3_600 })
const limit = { ...RateLimiter.limits.user.api, windowMillis: 3_600_000 }

collectGarbage()
const before = process.memoryUsage.rss()
for (let i = 0; i < count; i++) {
  const key = `athlete-${i}`
  if (who === "ours") ours.ask([{ limit, key }])
  else await theirs.consume(key)
}
collectGarbage()
const after = process.memoryUsage.rss()

// Both are still in use: what was measured cannot have been collected.
ours.ask([{ limit, key: "last" }])
await theirs.consume("last")
console.log((after - before) / count)
process.exit(0)
