/**
 * Whose address a request comes from, as limits count it.
 *
 * It is the address of the connection. Only where that is a proxy which the settings name (`trusted-proxies`) is
 * `X-Forwarded-For` believed, from its right end up to the first address that is no such proxy: what stands further
 * left was written by the client, who can write anything. Without that setting the header is never looked at.
 *
 * Somebody with IPv6 has at least 2^64 addresses, so all of a /64 count as one.
 *
 * @example
 * const addressOf = ClientAddress.make(Networks.parseList("127.0.0.1") ?? [])
 * addressOf("127.0.0.1", "203.0.113.9, 198.51.100.7") // "198.51.100.7"
 */
import { isIP } from "node:net"
import * as Networks from "../config/Networks.ts"

/** @param peer the connection's other end; undefined when it is gone already */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | null) => string

export const make = (trustedProxies: ReadonlyArray<Networks.Network>): ClientAddress => {
  const isTrusted = Networks.containing(trustedProxies)
  return (peer, forwardedFor) => {
    const connection = peer === undefined ? null : plain(peer)
    if (connection === null) return "unknown"
    if (forwardedFor === null || !isTrusted(connection)) return subscriber(connection)
    let address = connection
    for (const entry of forwardedFor.split(",").reverse()) {
      const next = plain(entry.trim())
      if (next === null) break
      address = next
      if (!isTrusted(address)) break
    }
    return subscriber(address)
  }
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** An address without port, brackets and zone; IPv4 that is dressed as IPv6 without its dress. Null when it is none. */
const plain = (text: string): string | null => {
  const unbracketed = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? text
  const address = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(unbracketed)?.[1] ?? unbracketed.replace(/%.*$/, "")
  const mapped = MAPPED.exec(address)?.[1] ?? address
  return isIP(mapped) === 0 ? null : mapped
}

/** The address itself; of an IPv6 address its /64. */
const subscriber = (address: string): string => {
  if (isIP(address) !== 6) return address
  // The platform's own parser writes every address in one way.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::")
  const left = head === "" ? [] : head.split(":")
  const right = tail === undefined || tail === "" ? [] : tail.split(":")
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right]
  return `${groups.slice(0, 4).join(":")}::/64`
}
