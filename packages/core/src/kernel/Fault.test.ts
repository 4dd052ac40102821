import { describe, expect, it } from "vitest"
import * as Fault from "./Fault.ts"

describe("Fault", () => {
  it.each([
    [new Error("connection reset"), "transient"],
    ["a thrown string", "transient"],
    [{ status: 503 }, "transient"],
    [{ statusCode: 429 }, "transient"],
    [{ response: { status: 500 } }, "transient"],
    [new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") }), "transient"],
    [{ status: 504 }, "timeout"],
    [new DOMException("too slow", "TimeoutError"), "timeout"],
    [{ code: "ETIMEDOUT" }, "timeout"],
    [{ status: 422 }, "permanent"],
    [{ status: 403 }, "permanent"],
    [{ status: 501 }, "permanent"],
    [{ _tag: "ParseError" }, "permanent"],
    [{ _tag: "Unauthorized" }, "permanent"],
    [new TypeError("undefined is not a function"), "permanent"],
    [{ _tag: "BreakerOpen" }, "refused"],
    [new DOMException("stop", "AbortError"), "cancelled"],
    [{ _tag: "Unauthorized", retryable: true }, "transient"],
    [{ status: 503, retryable: false }, "permanent"],
  ] as const)("%o is %s", (error, kind) => {
    expect(Fault.kindOf(error)).toBe(kind)
  })

  it.each([
    ["120", 120_000],
    ["Wed, 21 Oct 2026 07:28:10 GMT", 10_000],
    ["Wed, 21 Oct 2020 07:28:10 GMT", 0],
    ["soon", undefined],
  ] as const)("reads Retry-After %s", (header, millis) => {
    const now = Date.parse("Wed, 21 Oct 2026 07:28:00 GMT")
    expect(Fault.parseRetryAfter(header, now)).toBe(millis)
    expect(Fault.retryAfterMillis({ response: { headers: { "retry-after": header } } }, now)).toBe(millis)
    expect(Fault.retryAfterMillis({ headers: new Headers({ "Retry-After": header }) }, now)).toBe(millis)
  })

  it("takes retryAfterMillis from the error first", () => {
    expect(Fault.retryAfterMillis({ retryAfterMillis: 1_500 }, 0)).toBe(1_500)
    expect(Fault.retryAfterMillis(new Error("no"), 0)).toBeUndefined()
  })
})
