/**
 * The files of a phone as the drivers there need them: one folder of the application, and synchronous calls. The
 * paths that such a driver takes are names of files in that folder.
 *
 * `expoFiles` makes them from `expo-file-system` (SDK 54 or newer), which works in bare React Native too. The package is
 * passed in, so that this one does not depend on it; what is used of it is written down as types.
 *
 * @example
 * import * as FileSystem from "expo-file-system"
 * const files = expoFiles(FileSystem)
 */
import { noise } from "./Noise.ts"
import { type SqliteDriver, SqliteFailure } from "./SqliteDriver.ts"

export interface PhoneFiles extends Pick<SqliteDriver, "exists" | "rename" | "remove" | "occupy"> {
  /** The folder, as SQLite takes it: a plain path without `file://`. */
  readonly folder: string
  readonly read: (name: string) => Uint8Array
  readonly write: (name: string, content: Uint8Array) => void
}

/** What is used of `expo-file-system`. */
export interface ExpoFileSystemModule {
  readonly File: new (...uris: Array<string>) => ExpoFile
  readonly Paths: { readonly document: { readonly uri: string } }
}

export interface ExpoFile {
  readonly exists: boolean
  delete(): void
  rename(newName: string): void
  bytesSync(): Uint8Array
  /** Synchronous up to SDK 57; a promise after that, where `writeSync` is what this was. */
  write(content: Uint8Array): unknown
  writeSync?(content: Uint8Array): void
}

/** The files of the folder at `folderUri`; without it, of the application's documents. */
export const expoFiles = ({ File, Paths }: ExpoFileSystemModule, folderUri = Paths.document.uri): PhoneFiles => {
  const file = (name: string): ExpoFile => new File(folderUri, name)
  const write = (name: string, content: Uint8Array): void => {
    const target = file(name)
    if (target.writeSync === undefined) target.write(content)
    else target.writeSync(content)
  }
  const remove = (name: string): void => {
    if (file(name).exists) file(name).delete()
  }
  return {
    folder: decodeURIComponent(folderUri.replace(/^file:\/\//, "").replace(/\/+$/, "")),
    exists: (name) => file(name).exists,
    rename: (from, to) => {
      remove(to)
      file(from).rename(to)
    },
    remove,
    occupy: (name, bytes) => write(name, noise(bytes)),
    read: (name) => file(name).bytesSync(),
    write,
  }
}

/** Opens a database by what `open` does; whatever fails there that SQLite has no name for is a file that cannot be opened. */
export const openingOnPhone = <A>(path: string, open: () => A): A => {
  // The native modules would make folders on the way, and a driver is asked not to.
  if (path.includes("/")) throw new SqliteFailure("SQLITE_CANTOPEN", `${path} is no name of a file in the folder`)
  try {
    return open()
  } catch (thrown) {
    const failure = SqliteFailure.from(thrown)
    if (failure.code !== "SQLITE_ERROR") throw failure
    throw new SqliteFailure("SQLITE_CANTOPEN", failure.message, { cause: thrown })
  }
}
