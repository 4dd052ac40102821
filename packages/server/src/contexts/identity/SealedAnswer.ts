/**
 * An answer with a secret in it, kept so that only the key which sent the request opens it again.
 *
 * A new key is shown once, and the store has only its hash. Its answer is kept for a day, for whoever repeats the
 * request: in the clear it would undo that. So it is encrypted (AES-256-GCM) under a key derived (HKDF-SHA-256) from the
 * sender's own key, of which the store has only the hash too. Whoever gets the store's file reads neither.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"
import { ParseResult, Schema } from "effect"

const CIPHER = "aes-256-gcm"
const IV_BYTES = 12
const TAG_BYTES = 16

/** `secret` is the sender's key, `purpose` what the answer is kept under: an answer moved elsewhere does not open. */
export const sealed = <A, I>(
  answer: Schema.Schema<A, I>,
  secret: string,
  purpose: string,
): Schema.Schema<A, string> => {
  const key = new Uint8Array(hkdfSync("sha256", secret, "", `paceline/sealed-answer/${purpose}`, 32))
  return Schema.transformOrFail(Schema.String, Schema.String, {
    strict: true,
    encode: (text) => ParseResult.succeed(seal(key, text)),
    decode: (text, _, ast) =>
      ParseResult.try({
        try: () => open(key, text),
        catch: () => new ParseResult.Type(ast, text, "The sealed answer does not open"),
      }),
  }).pipe(Schema.compose(Schema.parseJson(answer)))
}

const seal = (key: Uint8Array, text: string): string => {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key, iv)
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64url")
}

const open = (key: Uint8Array, text: string): string => {
  const bytes = Buffer.from(text, "base64url")
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES))
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
  const body = bytes.subarray(IV_BYTES + TAG_BYTES)
  return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8")
}
