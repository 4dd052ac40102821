import { expect, it } from "vitest"
import { fragmentOf, fragmentOfReceipt, keyIn, receiptIn } from "./Key.ts"

it.each([
  ["#key=abc", "abc"],
  ["key=abc", "abc"],
  ["abc", "abc"],
  ["  ath_9-X.y \n", "ath_9-X.y"],
  ["https://gym.example/me#key=abc", "abc"],
  ["#key=abc&x=1", "abc"],
  ["", null],
  ["#", null],
  ["#key=", null],
  ["#somewhere", null],
  ["two words", null],
])("the key in %j is %j", (text, key) => {
  expect(keyIn(text)).toBe(key)
})

it("a receipt survives the way into the address and back, and is no key", () => {
  const fragment = fragmentOfReceipt("OGPZQQ4GW1oya6GWbOdo-_")
  expect([receiptIn(fragment), keyIn(fragment)]).toEqual(["OGPZQQ4GW1oya6GWbOdo-_", null])
  for (const other of ["", "#", "#key=abc", "#receipt=", "#receipt=a/b"]) expect(receiptIn(other)).toBeNull()
})

it("a key survives the way into the address and back", () => {
  for (const key of ["abc", "a+b/c==", "a&b%20#c"]) expect(keyIn(fragmentOf(key))).toBe(key)
})
