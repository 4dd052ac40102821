/**
 * Keys: 256 random bits as text, of which only the SHA-256 is kept.
 *
 * A key is its own proof, so a plain hash is enough: there is no dictionary of 256-bit keys to try.
 */
import { createHash } from "node:crypto"

export const KEY_BYTES = 32

/** Starts every key, so that it is known for what it is, in a log or a leaked file, and is never taken for a flag. */
const PREFIX = "pl_"

const KEY = /^pl_[A-Za-z0-9_-]{43}$/

/** The key made of `random` bytes, safe in a URL. */
export const keyOf = (random: Uint8Array): string => PREFIX + Buffer.from(random).toString("base64url")

/** Whether a text has the shape of a key; what has not needs no look at the store. */
export const isKey = (text: string): boolean => KEY.test(text)

/** What is kept of a key: its SHA-256 in hexadecimal. */
export const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex")
