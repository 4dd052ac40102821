/**
 * Files of a SQLite VFS as plain files: for those that are no databases, and to copy one that is damaged.
 *
 * Speaks to the VFS as SQLite does (https://sqlite.org/c3ref/io_methods.html), through the pointers of its structures.
 */
import type { CAPI, Sqlite3Static } from "@sqlite.org/sqlite-wasm"
import { SqliteFailure } from "./SqliteDriver.ts"

/** How much is moved at a time, in bytes. */
const PIECE = 65_536

type Method = (...parameters: ReadonlyArray<number | bigint>) => number

interface RawFile {
  readonly size: () => number
  readonly read: (into: number, bytes: number, at: number) => void
  readonly write: (from: number, bytes: number, at: number) => void
  readonly truncate: (size: number) => void
  readonly sync: () => void
}

export class VfsFiles {
  readonly #capi: CAPI
  readonly #wasm: Sqlite3Static["wasm"]
  readonly #vfs: string

  constructor(sqlite3: Sqlite3Static, vfs: string) {
    this.#capi = sqlite3.capi
    this.#wasm = sqlite3.wasm
    this.#vfs = vfs
  }

  read(path: string): Uint8Array {
    return this.#opened(path, false, (file) => {
      const content = new Uint8Array(file.size())
      this.#inPieces(content.length, (pointer, bytes, at) => {
        file.read(pointer, bytes, at)
        content.set(this.#wasm.heap8u().subarray(pointer, pointer + bytes), at)
      })
      return content
    })
  }

  /** Replaces what lies there. When it fails, nothing lies there. */
  write(path: string, content: Uint8Array): void {
    this.#created(path, (file) => {
      this.#inPieces(content.length, (pointer, bytes, at) => {
        this.#wasm.heap8u().set(content.subarray(at, at + bytes), pointer)
        file.write(pointer, bytes, at)
      })
    })
  }

  /** Copies byte by byte, whatever the file holds. When it fails, there is no copy. */
  copy(from: string, to: string): void {
    this.#opened(from, false, (source) => {
      this.#created(to, (target) => {
        this.#inPieces(source.size(), (pointer, bytes, at) => {
          source.read(pointer, bytes, at)
          target.write(pointer, bytes, at)
        })
      })
    })
  }

  #created(path: string, fill: (file: RawFile) => void): void {
    try {
      this.#opened(path, true, (file) => {
        file.truncate(0)
        fill(file)
        file.sync()
      })
    } catch (thrown) {
      this.#delete(path)
      throw thrown
    }
  }

  #inPieces(total: number, body: (pointer: number, bytes: number, at: number) => void): void {
    const pointer = this.#wasm.alloc(PIECE)
    try {
      for (let at = 0; at < total; at += PIECE) body(pointer, Math.min(PIECE, total - at), at)
    } finally {
      this.#wasm.dealloc(pointer)
    }
  }

  #opened<A>(path: string, create: boolean, body: (file: RawFile) => A): A {
    const { SQLITE_OPEN_CREATE, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_READWRITE } = this.#capi
    const flags = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0)
    return this.#scoped(() => {
      const vfs = new this.#capi.sqlite3_vfs(this.#capi.sqlite3_vfs_find(this.#vfs))
      const file = this.#wasm.scopedAlloc(vfs.$szOsFile)
      const name = this.#wasm.scopedAllocCString(`/${path}`, false)
      check(this.#method(vfs, "xOpen")(vfs.pointer, name, file, flags, this.#wasm.scopedAlloc(8)), `open ${path}`)
      const methods = new this.#capi.sqlite3_io_methods(new this.#capi.sqlite3_file(file).$pMethods)
      const call = (method: string, ...parameters: ReadonlyArray<number | bigint>): void =>
        check(this.#method(methods, method)(file, ...parameters), `${method} of ${path}`)
      try {
        return body({
          size: () => {
            const size = this.#wasm.scopedAlloc(8)
            call("xFileSize", size)
            return Number(this.#wasm.peek(size, "i64"))
          },
          read: (into, bytes, at) => call("xRead", into, bytes, BigInt(at)),
          write: (from, bytes, at) => call("xWrite", from, bytes, BigInt(at)),
          truncate: (size) => call("xTruncate", BigInt(size)),
          sync: () => call("xSync", 2),
        })
      } finally {
        this.#method(methods, "xClose")(file)
      }
    })
  }

  #delete(path: string): void {
    this.#scoped(() => {
      const vfs = new this.#capi.sqlite3_vfs(this.#capi.sqlite3_vfs_find(this.#vfs))
      this.#method(vfs, "xDelete")(vfs.pointer, this.#wasm.scopedAllocCString(`/${path}`, false), 0)
    })
  }

  #scoped<A>(body: () => A): A {
    const scope = this.#wasm.scopedAllocPush()
    try {
      return body()
    } finally {
      this.#wasm.scopedAllocPop(scope)
    }
  }

  /** A method of a structure: its member `$name` is a pointer into the table of functions. */
  #method(struct: object, name: string): Method {
    const pointer: unknown = Reflect.get(struct, `$${name}`)
    const entry = typeof pointer === "number" ? this.#wasm.functionEntry(pointer) : undefined
    if (entry === undefined) throw new SqliteFailure("SQLITE_ERROR", `this build of SQLite has no ${name}`)
    return (...parameters) => Number(Reflect.apply(entry, undefined, parameters))
  }
}

/** @throws an error with the result code, as `SqliteFailure.from` reads it */
const check = (resultCode: number, what: string): void => {
  if (resultCode !== 0) throw Object.assign(new Error(`cannot ${what} (${resultCode})`), { resultCode })
}
