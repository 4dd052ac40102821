import { describe, expect, test } from "vitest"
import { parseXml } from "./XmlDocument.ts"

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe("an XML file that strangers sent", () => {
  test("cannot grow: a document type is refused before it is looked at", () => {
    const bomb = `<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><gpx>&b;</gpx>`
    expect(parseXml(utf8(bomb))).toMatchObject({
      _tag: "FileUnreadable",
      reason: "unreadable",
      message: expect.stringContaining("document type"),
    })
  })

  test("cannot be deeper or larger than an activity is", () => {
    expect(parseXml(utf8(`${"<a>".repeat(5_000)}${"</a>".repeat(5_000)}`))).toMatchObject({ reason: "unreadable" })
    expect(parseXml(new Uint8Array(65 * 2 ** 20))).toMatchObject({ reason: "too-large" })
  })

  test("cannot reach into the objects of this program", () => {
    expect(parseXml(utf8("<gpx><__proto__><trk/></__proto__></gpx>"))).toMatchObject({ _tag: "FileUnreadable" })
    expect(Reflect.get({}, "trk")).toBeUndefined()
  })

  test("is cut short when its root is not closed, and damaged when it is closed and wrong inside", () => {
    expect(parseXml(utf8("<gpx><trk><trkseg><trkpt lat='1' lo"))).toMatchObject({ reason: "cut-short" })
    expect(parseXml(utf8("<gpx><trk></trkseg></gpx>"))).toMatchObject({
      reason: "damaged",
      message: expect.stringContaining("line 1"),
    })
    expect(parseXml(utf8("<gpx/><gpx/>"))).toMatchObject({ reason: "damaged" })
    expect(parseXml(utf8("<gpx/>then words"))).toMatchObject({ reason: "damaged" })
  })
})

describe("the encoding", () => {
  const tree = { root: "gpx", element: { name: "Zürich" } }
  const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  const utf16 = (text: string, little: boolean): Uint8Array => {
    const bytes = new Uint8Array(2 * text.length + 2)
    const view = new DataView(bytes.buffer)
    view.setUint16(0, 0xfeff, little)
    for (let i = 0; i < text.length; i++) view.setUint16(2 * i + 2, text.charCodeAt(i), little)
    return bytes
  }

  test.each([
    ["UTF-8 when nothing is said", utf8("<gpx><name>Zürich</name></gpx>")],
    ["UTF-8 with a mark", utf8("\uFEFF<?xml version='1.0'?><gpx><name>Zürich</name></gpx>")],
    ["what the declaration says", latin1("<?xml version='1.0' encoding='ISO-8859-1'?><gpx><name>Zürich</name></gpx>")],
    ["UTF-16, little endian", utf16("<gpx><name>Zürich</name></gpx>", true)],
    ["UTF-16, big endian", utf16("<gpx><name>Zürich</name></gpx>", false)],
  ])("is %s", (_, bytes) => {
    expect(parseXml(bytes)).toEqual(tree)
  })

  test("that is unknown, or is not that of the bytes, is said", () => {
    expect(parseXml(utf8("<?xml version='1.0' encoding='klingon'?><gpx/>"))).toMatchObject({
      reason: "damaged",
      message: expect.stringContaining("klingon"),
    })
    expect(parseXml(latin1("<gpx><name>Zürich</name></gpx>"))).toMatchObject({ reason: "damaged" })
  })
})
