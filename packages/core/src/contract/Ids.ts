/** Branded identities. An id of one kind can never stand where another is meant. */
import { Effect, Schema } from "effect"

const id = <B extends string>(brand: B, description: string) =>
  Schema.String.pipe(
    Schema.pattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, {
      message: () => `${brand}: 1 to 64 letters, digits, "-" or "_", starting with a letter or digit`,
    }),
    Schema.brand(brand),
    Schema.annotations({ identifier: brand, description }),
  )

/** A bridge: a phone or gateway that buffers and delivers sensor streams. */
export const DeviceId = id("DeviceId", "A bridge: a phone or gateway that buffers and delivers sensor streams.")
export type DeviceId = typeof DeviceId.Type

export const AthleteId = id("AthleteId", "Someone who trains.")
export type AthleteId = typeof AthleteId.Type

/** People who train together and share a wall and a leaderboard. */
export const ClassId = id("ClassId", "People who train together and share a wall and a leaderboard.")
export type ClassId = typeof ClassId.Type

/** One athlete's training from start to end. */
export const SessionId = id("SessionId", "One athlete's training from start to end.")
export type SessionId = typeof SessionId.Type

/** Recordings that are one activity. The same recordings always have the same one. */
export const MergeId = id("MergeId", "Recordings that are one activity.")
export type MergeId = typeof MergeId.Type

/** A sensor's name on its device, such as `strap-07`. Any printable text up to 64 characters. */
export const SensorName = Schema.String.pipe(
  Schema.pattern(/^[\x20-\x7e]{1,64}$/, { message: () => "SensorName: 1 to 64 printable ASCII characters" }),
  Schema.brand("SensorName"),
  Schema.annotations({ identifier: "SensorName", description: "A sensor's name on its device, such as strap-07." }),
)
export type SensorName = typeof SensorName.Type

/** A name that people give, without line breaks, control characters and halves of characters: it fits a line anywhere. */
export const OneLine = Schema.Trim.pipe(
  Schema.pattern(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u, { message: () => "A name is one line of text." }),
)

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

/** A new id, such as `rider-4t7w0z9k2mqe`: 60 random bits, in letters and digits that are not mistaken for others. */
export const freshId = <A>(prefix: string, schema: Schema.Schema<A, string>): Effect.Effect<A> =>
  Effect.sync(() => {
    const letters = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => ALPHABET.charAt(byte % 32))
    return Schema.decodeSync(schema)(`${prefix}-${letters.join("")}`)
  })
