/**
 * An athlete's data: all of it to be taken along, or to be erased.
 *
 * @example
 * const privacy = client.privacy("athlete-9c1hm3v8x2rd")
 * for await (const bytes of privacy.export()) file.write(bytes)
 * const { receipt } = await privacy.erase()
 */
import type { Erasure, ErasureProgress } from "@paceline/core/contract"
import { UnexpectedAnswer } from "./ApiError.ts"
import type { Http } from "./Http.ts"
import { isInteger, isRecord, isString } from "./LiveValues.ts"

export interface PrivacyClient {
  /**
   * All that the server keeps of the athlete, as NDJSON, in the pieces in which it comes. Ends only when all has come.
   *
   * @throws ApiError; `UnexpectedAnswer` when it was cut before its end, so that what came is not all
   */
  readonly export: (signal?: AbortSignal) => AsyncGenerator<Uint8Array, void, undefined>
  /**
   * Erases the athlete and all that is kept of them. Answered when nothing new of them can come in: from then on their
   * key is worth nothing, and the `receipt` of the answer tells how far the rest is.
   *
   * @throws ApiError; `Unauthorized` also when an earlier try was done and its answer lost
   */
  readonly erase: () => Promise<Erasure>
}

export const privacyOf = (http: Pick<Http, "get" | "delete" | "stream">, athleteId: string): PrivacyClient => {
  const path = `v1/athletes/${encodeURIComponent(athleteId)}`
  return {
    export: (signal) => whole(http.stream(`${path}/export`, signal)),
    erase: () => http.delete(path, isErasure),
  }
}

export const erasureOf = (http: Pick<Http, "get">, receipt: string): Promise<ErasureProgress> =>
  http.get(`v1/erasures/${encodeURIComponent(receipt)}`, isProgress)

/** The last record of an export that came whole. */
const LAST = /\{"type":"end","records":\d+\}\n$/

/** More than the last record has. */
const TAIL_BYTES = 80

/** Passes the pieces on, and fails at the end when the last record is missing. */
const whole = async function* (pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let tail = ""
  for await (const piece of pieces) {
    tail = (tail + String.fromCharCode(...piece.subarray(-TAIL_BYTES))).slice(-TAIL_BYTES)
    yield piece
  }
  if (!LAST.test(tail)) throw new UnexpectedAnswer("The export was cut before its end. Try again.", 200)
}

const isErasure = (value: unknown): value is Erasure =>
  isRecord(value) &&
  isString(value["athleteId"]) &&
  (value["receipt"] === undefined || isString(value["receipt"])) &&
  isProgress(value)

const isProgress = (value: unknown): value is ErasureProgress =>
  isRecord(value) &&
  (value["status"] === "running" || value["status"] === "complete") &&
  isString(value["step"]) &&
  isInteger(value["requestedAtMs"]) &&
  (value["completedAtMs"] === null || isInteger(value["completedAtMs"]))
