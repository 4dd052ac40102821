/**
 * The driver for Expo, on the synchronous half of `expo-sqlite`. The packages are passed in, so that this one does not
 * depend on them. See docs/drivers.md for what was run on a phone, and which versions bring a SQLite that the buffer takes.
 *
 * @example
 * import * as FileSystem from "expo-file-system"
 * import * as SQLite from "expo-sqlite"
 * import { expoFiles, expoSqlite } from "@paceline/device-bridge/drivers/expo-sqlite"
 * const bridge = openBridge({ driver: expoSqlite(SQLite, expoFiles(FileSystem)), path: "buffer.sqlite", … })
 */
import { openingOnPhone, type PhoneFiles } from "./PhoneFiles.ts"
import {
  calling,
  type SqliteDatabase,
  type SqliteDriver,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
  transactionWith,
} from "./SqliteDriver.ts"

export { type ExpoFileSystemModule, expoFiles, type PhoneFiles } from "./PhoneFiles.ts"

/** What is used of `expo-sqlite`. */
export interface ExpoSqliteModule {
  openDatabaseSync(name: string, options: { readonly useNewConnection: boolean }, directory: string): ExpoDatabase
}

export interface ExpoDatabase {
  execSync(sql: string): void
  prepareSync(sql: string): ExpoStatement
  closeSync(): void
}

export interface ExpoStatement {
  executeSync(parameters: Array<SqliteValue>): ExpoResult
  finalizeSync(): void
}

export interface ExpoResult {
  readonly changes: number
  getAllSync(): Array<SqliteRow>
  resetSync(): void
}

export const expoSqlite = (module: ExpoSqliteModule, files: PhoneFiles): SqliteDriver => ({
  name: "expo-sqlite",
  // Applications on phones are one process.
  processId: 0,
  open: (path) => open(module, files, path),
  exists: files.exists,
  rename: files.rename,
  remove: files.remove,
  occupy: files.occupy,
})

const open = (module: ExpoSqliteModule, files: PhoneFiles, path: string): SqliteDatabase => {
  // Without a connection of its own, this would share one with whoever else opens the same file, locks included.
  const options = { useNewConnection: true }
  const database = openingOnPhone(path, () => module.openDatabaseSync(path, options, files.folder))
  const statements: Array<ExpoStatement> = []
  let open = true
  const exec = (sql: string): void => calling(() => database.execSync(sql))

  const prepare = (sql: string): SqliteStatement => {
    const statement = calling(() => database.prepareSync(sql))
    statements.push(statement)
    /** A statement that is not reset keeps its locks. */
    const using = <A>(parameters: ReadonlyArray<SqliteValue>, body: (result: ExpoResult) => A): A =>
      calling(() => {
        const result = statement.executeSync([...parameters])
        try {
          return body(result)
        } finally {
          result.resetSync()
        }
      })
    return {
      run: (...parameters) => using(parameters, ({ changes }) => ({ changes })),
      // Its `getFirstSync` steps a statement again that gave no row, which runs it twice.
      get: (...parameters) => using(parameters, (result) => result.getAllSync()[0]),
      all: (...parameters) => using(parameters, (result) => result.getAllSync()),
    }
  }

  const close = (): void => {
    if (!open) return
    open = false
    for (const statement of statements.splice(0)) statement.finalizeSync()
    calling(() => database.closeSync())
  }

  return { exec, prepare, transaction: transactionWith(exec), close }
}
