/**
 * How far a reader must have come to see what a session wrote: the store's position, and the log's.
 *
 * A token travels as opaque text, by way of the client, from an answer to the next request. What comes back is not
 * trusted: anything may be in it, and the worst that it can do is to wait.
 *
 * @example
 * const text = SessionToken.encode(SessionToken.merge(before, after))
 * SessionToken.decode(text)
 */

/** A record that the session appended. */
export interface LogPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface SessionToken {
  /** The store's position after the write; greater means later. 0 where every reader sees what was committed. */
  readonly store: bigint
  /** The last record of each partition. */
  readonly log: ReadonlyArray<LogPosition>
}

export const empty: SessionToken = { store: 0n, log: [] }

export const make = (store: bigint, log: ReadonlyArray<LogPosition> = []): SessionToken => merge(empty, { store, log })

/** What has seen both. */
export const merge = (one: SessionToken, other: SessionToken): SessionToken => {
  const last = new Map<string, LogPosition>()
  for (const position of [...one.log, ...other.log]) {
    const partition = JSON.stringify([position.topic, position.partition])
    if (position.offset > (last.get(partition)?.offset ?? -1)) {
      last.set(partition, { topic: position.topic, partition: position.partition, offset: position.offset })
    }
  }
  // `Math.max` does not take bigints.
  const [, store = 0n] = [one.store, other.store].toSorted((a, b) => (a < b ? -1 : 1))
  return { store, log: [...last.values()] }
}

/** Longer ones are not of our making: a session writes to few partitions. */
export const MAX_LENGTH = 16_384

/** Base64url of JSON: fit for headers, cookies and query strings. */
export const encode = ({ log, store }: SessionToken): string => {
  const data = [store.toString(), ...log.map(({ offset, partition, topic }) => [topic, partition, offset])]
  const bytes = new TextEncoder().encode(JSON.stringify(data))
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

/** Undefined for what is no token. */
export const decode = (text: string): SessionToken | undefined => {
  if (text.length > MAX_LENGTH || !/^[\w-]*$/.test(text)) return undefined
  const data = parsed(text)
  if (!Array.isArray(data)) return undefined
  const [store, ...entries]: ReadonlyArray<unknown> = data
  if (typeof store !== "string" || !/^\d{1,20}$/.test(store)) return undefined
  const log = entries.map(positionOf).filter((position) => position !== undefined)
  return log.length === entries.length ? make(BigInt(store), log) : undefined
}

const parsed = (text: string): unknown => {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (letter) => letter.charCodeAt(0))))
  } catch {
    return undefined
  }
}

const positionOf = (entry: unknown): LogPosition | undefined => {
  if (!Array.isArray(entry) || entry.length !== 3) return undefined
  const [topic, partition, offset]: ReadonlyArray<unknown> = entry
  return typeof topic === "string" && isCount(partition) && isCount(offset) ? { topic, partition, offset } : undefined
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
