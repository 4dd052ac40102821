/**
 * Turns the bytes of a GPX or TCX file into a tree, or says why they are none.
 *
 * One parser, fast-xml-parser, serves both formats: it needs no DOM, keeps what GeoJSON has no place for (points
 * without a position, as in a pool; extensions), and is checked strictly before anything is taken out of it. Made
 * for files that strangers send:
 * - a document type declaration is refused, so no entity can be declared, and none can grow;
 * - the size and the depth are bounded;
 * - a file whose end is missing is told apart from one that is broken, and neither gives half an activity.
 *
 * White space before the declaration, which XML forbids and many exports begin with, is overlooked.
 */
import { XMLParser, XMLValidator } from "fast-xml-parser"
import { type FileUnreadable, fileUnreadable } from "./Activity.ts"

/** An element: its children and, under "@name", its attributes, by their names without a prefix. */
export interface XmlElement {
  readonly [name: string]: unknown
}

export interface XmlDocument {
  /** The name of the root element, without a prefix. */
  readonly root: string
  readonly element: XmlElement
}

/** Far above a day at a second a point; the tree takes some ten times as much memory. */
const MAX_XML_BYTES = 64 * 2 ** 20

/** The document in these bytes. Total: never throws. */
export const parseXml = (bytes: Uint8Array): XmlDocument | FileUnreadable => {
  if (bytes.length > MAX_XML_BYTES) {
    const megabytes = Math.round(bytes.length / 2 ** 20)
    return fileUnreadable(
      "too-large",
      `The file has ${megabytes} MiB; XML is read up to ${MAX_XML_BYTES / 2 ** 20} MiB.`,
    )
  }
  const text = textOf(bytes)
  if (typeof text !== "string") return text
  if (/<!DOCTYPE/i.test(text)) {
    return fileUnreadable(
      "unreadable",
      `The file declares a document type, which no GPX or TCX file needs. ${EXPORT_AGAIN}`,
    )
  }
  try {
    const verdict = XMLValidator.validate(text)
    if (verdict !== true) return broken(text, verdict.err.msg, verdict.err.line)
    if (!text.trimEnd().endsWith(">")) return broken(text, "words follow its end", text.split("\n").length)
    const tree: unknown = parser.parse(text)
    const [name, ...others] = isElement(tree)
      ? Object.keys(tree).filter((key) => !key.startsWith("?") && key !== TEXT)
      : []
    if (!isElement(tree) || name === undefined) return broken(text, "it has no element", 1)
    if (others.length > 0 || Array.isArray(tree[name])) return broken(text, "it has more than one root element", 1)
    const element = tree[name]
    return { root: name, element: isElement(element) ? element : {} }
  } catch (cause) {
    return fileUnreadable("unreadable", `The file cannot be read: ${messageOf(cause)}. ${EXPORT_AGAIN}`)
  }
}

const TEXT = "#text"
const EXPORT_AGAIN = "Export it again from the device or service."

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  textNodeName: TEXT,
  removeNSPrefix: true,
  // Numbers are read where they are expected, and no text is taken for one.
  parseTagValue: false,
  parseAttributeValue: false,
  // Nothing that is measured needs one.
  processEntities: false,
})

/** What does not close at the very end was cut off; all else is broken. */
const broken = (text: string, reason: string, line: number): FileUnreadable => {
  if (isCutShort(text)) {
    return fileUnreadable(
      "cut-short",
      `The end of the file is missing. ${EXPORT_AGAIN.slice(0, -1)}; nothing was read.`,
    )
  }
  return fileUnreadable("damaged", `The file is not well-formed XML: line ${line}: ${reason}. ${EXPORT_AGAIN}`)
}

/** A whole file ends with the tag that closes its root. */
const isCutShort = (text: string): boolean => {
  const root = /<([A-Za-z_][\w.:-]*)/.exec(text)?.[1]
  if (root === undefined) return text.startsWith("<")
  const closing = root.replaceAll(".", "\\.")
  return !new RegExp(`</${closing}\\s*>|<${closing}\\b[^<>]*/>`).test(text)
}

/** The text, in the encoding that the file begins with or declares. */
const textOf = (bytes: Uint8Array): string | FileUnreadable => {
  const encoding = encodingOf(bytes)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes).trimStart()
  } catch (cause) {
    const reason = cause instanceof RangeError ? "its encoding is not known" : "its bytes are not of that encoding"
    return fileUnreadable("damaged", `The file is said to be ${encoding} text, but ${reason}. ${EXPORT_AGAIN}`)
  }
}

const encodingOf = (bytes: Uint8Array): string => {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return "utf-16le"
  if (first === 0xfe && second === 0xff) return "utf-16be"
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 1024))
  return /<\?xml[^>]*\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(head)?.[1]?.toLowerCase() ?? "utf-8"
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const isElement = (value: unknown): value is XmlElement =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The children of this name, in order. */
export const children = (element: XmlElement, name: string): ReadonlyArray<XmlElement> => {
  const found = element[name]
  const list: ReadonlyArray<unknown> = Array.isArray(found) ? found : [found]
  return list.filter((item) => item !== undefined).map((item) => (isElement(item) ? item : { [TEXT]: item }))
}

/** The first child at the end of this path of names. */
export const child = (element: XmlElement, ...path: ReadonlyArray<string>): XmlElement | undefined => {
  let found: XmlElement | undefined = element
  for (const name of path) {
    if (found === undefined) return undefined
    found = children(found, name)[0]
  }
  return found
}

/** What stands in the first child at the end of this path; undefined when there is none, or nothing in it. */
export const text = (element: XmlElement, ...path: ReadonlyArray<string>): string | undefined => {
  const content = child(element, ...path)?.[TEXT]
  const trimmed = typeof content === "string" ? content.trim() : ""
  return trimmed === "" ? undefined : trimmed
}

export const attribute = (element: XmlElement, name: string): string | undefined => {
  const value = element[`@${name}`]
  return typeof value === "string" ? value.trim() : undefined
}

/**
 * The first descendant of this name, however deep: where programs put one and the same extension in different places.
 */
export const descendant = (element: XmlElement, name: string): string | undefined => {
  const direct = text(element, name)
  if (direct !== undefined) return direct
  for (const [key, value] of Object.entries(element)) {
    if (key.startsWith("@") || key === TEXT) continue
    for (const inner of Array.isArray(value) ? value : [value]) {
      const found: string | undefined = isElement(inner) ? descendant(inner, name) : undefined
      if (found !== undefined) return found
    }
  }
  return undefined
}
