/**
 * The pool of files behind a store in a browser: who owns it, and how many files it may have.
 *
 * Files of the origin private file system can be opened synchronously only after they have been prepared
 * asynchronously, so SQLite's `opfs-sahpool` VFS keeps a pool of prepared ones, in one folder for each store. This
 * module takes a Web Lock on the store's name first: the browser gives it to one worker at a time and frees it when
 * that worker ends. The files' own handles are exclusive too, and are freed a moment later, so they are tried for a while.
 */
import init, { type SAHPoolUtil, type Sqlite3Static } from "@sqlite.org/sqlite-wasm"
import { SqliteFailure } from "./SqliteDriver.ts"

export interface Pool {
  readonly sqlite3: Sqlite3Static
  /** The name of the VFS. */
  readonly vfs: string
  readonly Database: SAHPoolUtil["OpfsSAHPoolDb"]
  /** The files of the store. */
  names(): ReadonlyArray<string>
  unlink(path: string): void
  /** Files came or went: makes sure, in the background, that there are prepared ones for what comes. */
  growSoon(): void
  release(): Promise<void>
}

export interface PoolOptions {
  readonly wasmUrl?: string | URL
  readonly patienceMillis: number
}

/** Prepared files beside those in use: a buffer takes five, one that is set aside three more. */
const SPARE_FILES = 8

/** How long between attempts to get the files of an owner that is just ending, in milliseconds. */
const RETRY_MILLIS = 50

/** @throws SqliteFailure SQLITE_BUSY, SQLITE_CANTOPEN */
export const openPool = async (store: string, options: PoolOptions): Promise<Pool> => {
  assertSupported()
  const sqlite3 = await load(options.wasmUrl)
  const deadline = performance.now() + options.patienceMillis
  const unlock = await lock(`paceline-bridge/${store}`, options.patienceMillis)
  try {
    const files = await openFiles(sqlite3, store, deadline)
    return poolOf(sqlite3, files, unlock)
  } catch (thrown) {
    unlock()
    throw thrown
  }
}

const poolOf = (sqlite3: Sqlite3Static, files: SAHPoolUtil, unlock: () => void): Pool => {
  let growing = Promise.resolve()
  return {
    sqlite3,
    vfs: files.vfsName,
    Database: files.OpfsSAHPoolDb,
    names: () => files.getFileNames().map((name) => name.slice(1)),
    unlink: (path) => void files.unlink(`/${path}`),
    growSoon: () => {
      growing = growing
        .then(() => files.reserveMinimumCapacity(files.getFileCount() + SPARE_FILES))
        // There is no room for more now; opening a file that finds none prepared says so.
        .then(noop, noop)
    },
    release: async () => {
      await growing
      files.pauseVfs()
      unlock()
    },
  }
}

const noop = (): void => {}

const assertSupported = (): void => {
  const handle: unknown = Reflect.get(globalThis, "FileSystemFileHandle")
  const prototype: unknown = typeof handle === "function" ? handle.prototype : null
  if (typeof prototype === "object" && prototype !== null && "createSyncAccessHandle" in prototype) return
  throw new SqliteFailure(
    "SQLITE_CANTOPEN",
    "this place has no synchronous files: the driver runs in a dedicated worker of a page that came by https or from localhost",
  )
}

/** Resolves, when this worker holds the lock, with how to give it back. */
const lock = (name: string, patienceMillis: number): Promise<() => void> =>
  new Promise((resolve, reject) => {
    const held = (): Promise<void> => new Promise((release) => resolve(release))
    navigator.locks.request(name, { signal: AbortSignal.timeout(patienceMillis) }, held).catch((cause: unknown) => {
      reject(new SqliteFailure("SQLITE_BUSY", "another tab or worker owns this store", { cause }))
    })
  })

const openFiles = async (sqlite3: Sqlite3Static, store: string, deadline: number): Promise<SAHPoolUtil> => {
  for (;;) {
    try {
      const files = await sqlite3.installOpfsSAHPoolVfs(installation(store))
      if (files.isPaused()) await files.unpauseVfs()
      await files.reserveMinimumCapacity(files.getFileCount() + SPARE_FILES)
      return files
    } catch (cause) {
      if (!isTaken(cause)) throw new SqliteFailure("SQLITE_CANTOPEN", String(cause), { cause })
      if (performance.now() >= deadline) {
        throw new SqliteFailure("SQLITE_BUSY", "another tab or worker has the files of this store", { cause })
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLIS))
    }
  }
}

/** Without `preserveOnInitFailure` the VFS would delete a store that it cannot open, which is somebody else's. */
const installation = (store: string) => ({
  name: `paceline-${store}`,
  directory: `paceline-bridge/${store}`,
  initialCapacity: SPARE_FILES,
  preserveOnInitFailure: true,
  forceReinitIfPreviouslyFailed: true,
  verbosity: 1,
})

const isTaken = (thrown: unknown): boolean =>
  thrown instanceof DOMException &&
  (thrown.name === "NoModificationAllowedError" || thrown.name === "InvalidStateError")

let loaded: Promise<Sqlite3Static> | null = null

const load = (wasmUrl: string | URL | undefined): Promise<Sqlite3Static> => {
  loaded ??= initialise(wasmUrl).catch((cause: unknown) => {
    loaded = null
    throw new SqliteFailure("SQLITE_CANTOPEN", `sqlite3.wasm could not be loaded: ${String(cause)}`, { cause })
  })
  return loaded
}

const initialise = (wasmUrl: string | URL | undefined): Promise<Sqlite3Static> => {
  // Read once, while the module starts. The other VFSs would start workers of their own.
  Object.assign(globalThis, {
    sqlite3ApiConfig: {
      error: (...said: ReadonlyArray<unknown>) => storageComplaint.hear(said),
      disable: { vfs: { kvvfs: true, opfs: true, "opfs-vfs": true, "opfs-wl": true } },
    },
  })
  // Its types leave out the options that it takes.
  const start: (options?: object) => Promise<Sqlite3Static> = init
  return start(wasmUrl === undefined ? {} : { locateFile: () => String(wasmUrl) })
}

/** What the VFS last complained about: it tells SQLite only of an I/O error, and its reason to the log. */
class StorageComplaint {
  #last: unknown = null

  clear(): void {
    this.#last = null
  }

  hear(said: ReadonlyArray<unknown>): void {
    this.#last = said.find((part) => part instanceof Error) ?? null
  }

  /** The origin's quota is used up, or the disk took less than it was given. */
  isFull(): boolean {
    return (
      this.#last instanceof Error &&
      (this.#last.name === "QuotaExceededError" || this.#last.message.includes("Unknown write() failure"))
    )
  }
}

export const storageComplaint = new StorageComplaint()
