/** Bytes that are read where they are wanted: of a file, of memory, or of a part of either. Node and Bun only. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"

export interface Bytes {
  readonly size: number
  /** `length` bytes from `at` on; fewer at the end. @throws what the operating system says */
  readonly read: (at: number, length: number) => Uint8Array
}

export const inMemory = (bytes: Uint8Array): Bytes => ({
  size: bytes.length,
  read: (at, length) => bytes.subarray(at, at + length),
})

export const part = (bytes: Bytes, from: number, size: number): Bytes => ({
  size,
  read: (at, length) => bytes.read(from + at, Math.max(0, Math.min(length, size - at))),
})

/** Opens a file for as long as `use` runs. @throws what the operating system says, or `use` */
export function* usingFile<A>(path: string, use: (bytes: Bytes) => Iterable<A>): Generator<A> {
  const file = openSync(path, "r")
  try {
    yield* use({
      size: fstatSync(file).size,
      read: (at, length) => {
        const bytes = new Uint8Array(length)
        let filled = 0
        while (filled < length) {
          const got = readSync(file, bytes, filled, length - filled, at + filled)
          if (got === 0) break
          filled += got
        }
        return bytes.subarray(0, filled)
      },
    })
  } finally {
    closeSync(file)
  }
}
