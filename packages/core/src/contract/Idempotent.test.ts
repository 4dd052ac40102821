import { describe, expect, it } from "vitest"
import { parseIdempotencyKey } from "./Idempotent.ts"

describe("Idempotency-Key", () => {
  it.each([
    ['"8e03978e-40d5-43e8"', "8e03978e-40d5-43e8"],
    [' "two words, one key" ', "two words, one key"],
    ['"a \\"b\\" c\\\\d"', 'a "b" c\\d'],
    ["8e03978e-40d5-43e8", "8e03978e-40d5-43e8"],
    [`"${"x".repeat(255)}"`, "x".repeat(255)],
  ])("%j has the key %j", (header, key) => {
    expect(parseIdempotencyKey(header)).toBe(key)
  })

  it.each([
    "",
    '""',
    '"',
    '"open',
    'open"',
    "two words",
    '"a"b"',
    '"tab\t"',
    '"é"',
    '"a\\n"',
    `"${"x".repeat(256)}"`,
    '"a";p=1',
    '"a", "b"',
  ])("%j has none", (header) => {
    expect(parseIdempotencyKey(header)).toBeUndefined()
  })
})
