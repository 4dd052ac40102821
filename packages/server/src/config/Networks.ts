/**
 * Addresses and networks of the internet protocol, as they are written in settings: `10.0.0.7`, `10.0.0.0/8`,
 * `fd00::/8`; several are separated by commas.
 *
 * @example
 * const proxies = Networks.containing(Networks.parseList("127.0.0.1, 10.0.0.0/8") ?? [])
 * proxies("10.1.2.3") // true
 */
import { BlockList, isIP } from "node:net"

export interface Network {
  readonly address: string
  readonly family: "ipv4" | "ipv6"
  /** How many leading bits an address shares with the network; all of them for a single address. */
  readonly bits: number
}

const parse = (text: string): Network | null => {
  const [address = "", bits, ...rest] = text.split("/")
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return null
  const most = version === 4 ? 32 : 128
  if (bits === undefined) return { address, family: version === 4 ? "ipv4" : "ipv6", bits: most }
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) return null
  return { address, family: version === 4 ? "ipv4" : "ipv6", bits: Number(bits) }
}

/** The networks of a list; null when one of them is none. An empty text is an empty list. */
export const parseList = (text: string): ReadonlyArray<Network> | null => {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  const networks = names.map(parse).filter((network) => network !== null)
  return networks.length === names.length ? networks : null
}

/** Whether an address, IPv4 or IPv6, lies in one of the networks. */
export const containing = (networks: ReadonlyArray<Network>): ((address: string) => boolean) => {
  if (networks.length === 0) return () => false
  const list = new BlockList()
  for (const { address, bits, family } of networks) list.addSubnet(address, bits, family)
  return (address) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")
}
