/**
 * The one msgpack configuration of every frame: no record extension, no shared structures (they decode
 * silently wrong against another table), so that any msgpack implementation can read a frame.
 */
import { Packr, Unpackr } from "msgpackr"

const packr = new Packr({ useRecords: false, moreTypes: false, encodeUndefinedAsNil: true })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" })

export const pack = (value: unknown): Uint8Array<ArrayBuffer> => new Uint8Array(packr.pack(value))

/** Throws on bytes that are not one msgpack value; callers answer with a typed error. */
export const unpack = (bytes: Uint8Array): unknown => unpackr.unpack(bytes)
