import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Networks from "../config/Networks.ts"
import * as ClientAddress from "./ClientAddress.ts"

const behind = (proxies: string) => ClientAddress.make(Networks.parseList(proxies)!)

describe("ClientAddress", () => {
  it("is the connection's, whatever a client writes into X-Forwarded-For", () => {
    const addressOf = behind("")
    fc.assert(fc.property(fc.string(), (header) => addressOf("203.0.113.9", header) === "203.0.113.9"))
    expect(addressOf("127.0.0.1", "8.8.8.8")).toBe("127.0.0.1")
  })

  it("is what a trusted proxy says, and nothing that stands left of it", () => {
    const addressOf = behind("127.0.0.1, 10.0.0.0/8")
    expect(addressOf("127.0.0.1", "203.0.113.9")).toBe("203.0.113.9")
    expect(addressOf("127.0.0.1", "8.8.8.8, 203.0.113.9")).toBe("203.0.113.9")
    expect(addressOf("127.0.0.1", "8.8.8.8, 203.0.113.9, 10.1.2.3")).toBe("203.0.113.9")
    expect(addressOf("127.0.0.1", "10.9.9.9, 10.1.2.3")).toBe("10.9.9.9")
    expect(addressOf("198.51.100.7", "203.0.113.9")).toBe("198.51.100.7")
  })

  it("is the proxy's own when its header is missing or no address", () => {
    const addressOf = behind("127.0.0.1")
    expect(addressOf("127.0.0.1", null)).toBe("127.0.0.1")
    expect(addressOf("127.0.0.1", "unknown")).toBe("127.0.0.1")
    expect(addressOf("127.0.0.1", "203.0.113.9, _hidden")).toBe("127.0.0.1")
    expect(addressOf(undefined, "203.0.113.9")).toBe("unknown")
  })

  it("reads the ways in which an address is written", () => {
    const addressOf = behind("127.0.0.1, ::1")
    expect(addressOf("::ffff:203.0.113.9", null)).toBe("203.0.113.9")
    expect(addressOf("::ffff:127.0.0.1", "203.0.113.9:51000")).toBe("203.0.113.9")
    expect(addressOf("::1", "[2001:db8::7]:51000")).toBe("2001:db8:0:0::/64")
    expect(addressOf("fe80::1%eth0", null)).toBe("fe80:0:0:0::/64")
  })

  it("counts all addresses of an IPv6 subscriber as one", () => {
    const addressOf = behind("")
    const one = addressOf("2001:db8:1:2::1", null)
    expect(addressOf("2001:db8:1:2:ffff:1:2:3", null)).toBe(one)
    expect(addressOf("2001:db8:1:3::1", null)).not.toBe(one)
  })
})

describe("Networks", () => {
  it("are addresses and networks by commas, and nothing else", () => {
    expect(Networks.parseList("")).toEqual([])
    expect(Networks.parseList("10.0.0.0/8, ::1")).toEqual([
      { address: "10.0.0.0", family: "ipv4", bits: 8 },
      { address: "::1", family: "ipv6", bits: 128 },
    ])
    for (const wrong of ["proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0", "::1/129", "*"]) {
      expect([wrong, Networks.parseList(wrong)]).toEqual([wrong, null])
    }
  })
})
