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
    [Object.assign(new TypeError("Unable to connect"), { code: "ECONNREFUSED" }), "transient"],
    [Object.assign(new Error("x"), { status: 503 }), "transient"],
    [Object.assign(new Error("x"), { code: "ECONNRESET" }), "transient"],
    [new TypeError("fetch failed", { cause: { name: "ConnectTimeoutError" } }), "timeout"],
    [Object.assign(new Error("x"), { code: "ETIMEDOUT" }), "timeout"],
    [{ status: 504 }, "timeout"],
    [new DOMException("too slow", "TimeoutError"), "timeout"],
    [{ code: "ETIMEDOUT" }, "timeout"],
    [{ status: 422 }, "permanent"],
    [{ status: 403 }, "permanent"],
    [{ status: 501 }, "permanent"],
    [{ _tag: "ParseError" }, "permanent"],
    [{ _tag: "Unauthorized" }, "permanent"],
    [new TypeError("undefined is not a function"), "permanent"],
    [Object.assign(new TypeError("cannot be parsed as a URL"), { code: "ERR_INVALID_URL" }), "permanent"],
    [Object.assign(new Error("x"), { _tag: "Forbidden" }), "permanent"],
    [Object.assign(new Error("x"), { response: { status: 404 } }), "permanent"],
    [Object.assign(new Error("x"), { retryable: false, status: 503 }), "permanent"],
    [{ _tag: "BreakerOpen" }, "refused"],
    [new DOMException("stop", "AbortError"), "cancelled"],
    [{ _tag: "Unauthorized", retryable: true }, "transient"],
    [{ status: 503, retryable: false }, "permanent"],
  ] as const)("%o is %s", (error, kind) => {
    expect(Fault.kindOf(error)).toBe(kind)
  })

  it("hears what a class says of all its errors", () => {
    class Teapot extends Error {
      get status(): number {
        return 418
      }
    }
    class Overloaded extends Error {}
    Object.defineProperty(Overloaded.prototype, "retryable", { value: true })
    const kinds = [new Error("a"), new Teapot("b"), new Overloaded("c"), new Error("d"), new Teapot("e")]
    expect(kinds.map(Fault.kindOf)).toEqual(["transient", "permanent", "transient", "transient", "permanent"])
  })

  it("takes a refused connection for transient, however this runtime reports it", async () => {
    const refused: unknown = await fetch("http://127.0.0.1:1/").catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(Error)
    expect(Fault.kindOf(refused)).toBe("transient")
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
