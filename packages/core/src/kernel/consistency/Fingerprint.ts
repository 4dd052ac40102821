/**
 * What tells one request from another: a short name of its contents.
 *
 * The canonical text itself would do, but a request may be megabytes and its name is stored beside each answer. So it is
 * 128 bits of MurmurHash3 and the length of the text. It is compared only among the requests that came under one
 * idempotency key, whose owner would fool nobody but himself with two that meet; by chance that takes 2^64 requests.
 *
 * @example
 * Fingerprint.of({ item: "shoes", count: 1 }) === Fingerprint.of({ count: 1, item: "shoes" }) // true
 */
import * as CanonicalJson from "./CanonicalJson.ts"
import * as Murmur3 from "./Murmur3.ts"

/** Stored data depends on it: the same request gives the same fingerprint for ever. Throws on what is no JSON data. */
export const of = (request: unknown): string => {
  const text = CanonicalJson.text(request)
  return `${Murmur3.hexOf(Murmur3.ofText(text))}-${text.length.toString(16)}`
}
