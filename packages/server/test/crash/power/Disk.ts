/**
 * What a power cut leaves on the disk, worked out from a record of what a process did to its files.
 *
 * What was flushed is there. Of what was written after a file's last flush a disk may keep nothing, or any part of it,
 * in any order, the last of it torn at a sector. Two models: `nothing` drops all of it; `some` keeps each write with
 * even odds, and tears one of them. A deletion is taken to last at once: a database never deletes what it still needs.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

export type Operation =
  | { readonly type: "write"; readonly file: string; readonly offset: number; readonly data: Uint8Array }
  | { readonly type: "truncate"; readonly file: string; readonly size: number }
  | { readonly type: "flush" | "delete"; readonly file: string }
  /** The program told somebody that `number` is done. */
  | { readonly type: "mark"; readonly number: number }

/** What the disk keeps of what was not flushed. */
export type DropModel = "nothing" | "some"

const SECTOR = 512

/** Reads a record; the last entry may be cut short, when the process was killed while it wrote it. */
export const readOperations = (log: string): ReadonlyArray<Operation> => {
  const bytes = readFileSync(log)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const operations: Array<Operation> = []
  let at = 0
  while (at + 16 <= bytes.length) {
    const type = String.fromCharCode(view.getUint8(at))
    const nameEnd = at + 16 + view.getUint8(at + 1)
    const end = nameEnd + view.getUint32(at + 4, true)
    if (end > bytes.length) break
    const number = Number(view.getBigUint64(at + 8, true))
    const file = bytes.toString("utf8", at + 16, nameEnd)
    operations.push(operation(type, file, number, bytes.subarray(nameEnd, end)))
    at = end
  }
  return operations
}

const operation = (type: string, file: string, number: number, data: Uint8Array): Operation => {
  switch (type) {
    case "W":
      return { type: "write", file, offset: number, data }
    case "T":
      return { type: "truncate", file, size: number }
    case "S":
      return { type: "flush", file }
    case "U":
      return { type: "delete", file }
    case "M":
      return { type: "mark", number }
    default:
      throw new Error(`The record of writes is broken: it has an entry of type "${type}"`)
  }
}

/** What had been answered before the cut. */
export const answeredBefore = (operations: ReadonlyArray<Operation>, cut: number): ReadonlyArray<number> =>
  operations.slice(0, cut).flatMap((done) => (done.type === "mark" ? [done.number] : []))

/**
 * Writes into `folder` what a power cut right before operation `cut` leaves.
 *
 * @param random gives numbers from 0 up to 1
 */
export const cutPower = (
  operations: ReadonlyArray<Operation>,
  cut: number,
  model: DropModel,
  random: () => number,
  folder: string,
): void => {
  const files = new Map<string, { image: FileImage; unflushed: Array<Operation> }>()
  for (const done of operations.slice(0, cut)) {
    if (done.type === "mark") continue
    const file = files.get(done.file) ?? { image: new FileImage(), unflushed: [] }
    files.set(done.file, file)
    if (done.type === "delete") files.delete(done.file)
    else if (done.type !== "flush") file.unflushed.push(done)
    else for (const late of file.unflushed.splice(0)) file.image.apply(late)
  }
  for (const [name, { image, unflushed }] of files) {
    if (model === "some") {
      for (const late of unflushed) if (random() < 0.5) image.apply(random() < 0.1 ? torn(late, random) : late)
    }
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), image.bytes)
  }
}

const torn = (late: Operation, random: () => number): Operation =>
  late.type === "write" && late.data.length > SECTOR
    ? { ...late, data: late.data.subarray(0, SECTOR * Math.ceil(random() * (late.data.length / SECTOR - 1))) }
    : late

/** A file's bytes, growing as it is written. */
class FileImage {
  #buffer = new Uint8Array(65_536)
  #size = 0

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size)
  }

  apply(change: Operation): void {
    if (change.type === "write") {
      this.#reserve(change.offset + change.data.length)
      this.#buffer.set(change.data, change.offset)
      this.#size = Math.max(this.#size, change.offset + change.data.length)
    } else if (change.type === "truncate") {
      this.#reserve(change.size)
      if (change.size < this.#size) this.#buffer.fill(0, change.size, this.#size)
      this.#size = change.size
    }
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(size, 2 * this.#buffer.length))
    grown.set(this.bytes)
    this.#buffer = grown
  }
}
