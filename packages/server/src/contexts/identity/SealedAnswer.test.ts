import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { sealed } from "./SealedAnswer.ts"

const Created = Schema.Struct({ id: Schema.String, key: Schema.String })
const created = { id: "anna", key: "pl_secret" }

const kept = (secret: string, purpose = "http/admin/1") => sealed(Created, secret, purpose)

describe("A sealed answer", () => {
  it("is opened by the key that sealed it, and has nothing to read in it", () => {
    const text = Schema.encodeSync(kept("pl_admin"))(created)
    expect(Schema.decodeSync(kept("pl_admin"))(text)).toEqual(created)
    expect(Buffer.from(text, "base64url").toString("latin1")).not.toMatch(/anna|secret/)
    expect(Schema.encodeSync(kept("pl_admin"))(created)).not.toBe(text)
  })

  it("is opened by no other key, under no other name, and not when a bit of it changed", () => {
    const text = Schema.encodeSync(kept("pl_admin"))(created)
    const damaged = Buffer.from(text, "base64url")
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1)
    for (const [schema, input] of [
      [kept("pl_other"), text],
      [kept("pl_admin", "http/admin/2"), text],
      [kept("pl_admin"), damaged.toString("base64url")],
      [kept("pl_admin"), ""],
    ] as const) {
      expect(() => Schema.decodeSync(schema)(input)).toThrow("The sealed answer does not open")
    }
  })
})
