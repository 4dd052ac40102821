/**
 * Stand-ins for the native modules of phones, on this machine's SQLite and folders. They do what the drivers were read
 * to rely on in the sources of expo-sqlite 57.0.3, op-sqlite 18.2.5 and expo-file-system 58.0.2: what a native call
 * takes and gives, and the words of its errors. They show that the drivers are right about SQLite; that the modules are
 * as they were read is shown on a phone, by the screen in examples/react-native.
 */
import { Database, type SQLQueryBindings } from "bun:sqlite"
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import type { ExpoDatabase, ExpoSqliteModule } from "../src/drivers/ExpoSqlite.ts"
import type { OpDatabase, OpSqliteModule } from "../src/drivers/OpSqlite.ts"
import { type ExpoFile, type ExpoFileSystemModule, expoFiles, type PhoneFiles } from "../src/drivers/PhoneFiles.ts"
import type { SqliteRow } from "../src/drivers/SqliteDriver.ts"

/** A phone whose application keeps its documents in `folder`. */
export const phoneFiles = (folder: string): PhoneFiles => {
  class File implements ExpoFile {
    #path: string
    constructor(...uris: Array<string>) {
      const [first = "", ...rest] = uris
      this.#path = join(new URL(first).pathname, ...rest)
    }
    get exists(): boolean {
      return existsSync(this.#path)
    }
    delete(): void {
      rmSync(this.#path)
    }
    rename(newName: string): void {
      const target = join(dirname(this.#path), basename(newName))
      if (existsSync(target)) throw new Error("DestinationAlreadyExists")
      renameSync(this.#path, target)
      this.#path = target
    }
    bytesSync(): Uint8Array {
      return new Uint8Array(readFileSync(this.#path))
    }
    write(): Promise<void> {
      throw new Error("this version has writeSync")
    }
    writeSync(content: Uint8Array): void {
      writeFileSync(this.#path, content)
    }
  }
  const module: ExpoFileSystemModule = { File, Paths: { document: { uri: `${pathToFileURL(folder).href}/` } } }
  return expoFiles(module)
}

const bound = (parameters: ReadonlyArray<SQLQueryBindings> = []): Array<SQLQueryBindings> => [...parameters]

const words = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

export const standInExpoSqlite: ExpoSqliteModule = {
  openDatabaseSync: (name, options, directory): ExpoDatabase => {
    if (!options.useNewConnection) throw new Error("the connection would be shared")
    const failing = <A>(native: () => A): A => {
      try {
        return native()
      } catch (thrown) {
        // As on Android, where the number is written as the character that it stands for.
        throw new Error(`Call to function has been rejected. → Caused by: Error code \u0005: ${words(thrown)}`)
      }
    }
    const database = failing(() => new Database(join(directory, name), { create: true, readwrite: true }))
    return {
      execSync: (sql) => failing(() => void database.run(sql)),
      prepareSync: (sql) => {
        const statement = failing(() => database.prepare<SqliteRow, Array<SQLQueryBindings>>(sql))
        return {
          executeSync: (parameters) => {
            // The native call steps once: what is read comes then, what is changed is changed then.
            const reads = statement.columnNames.length > 0
            const rows = failing(() => (reads ? statement.all(...bound(parameters)) : []))
            const changes = reads ? 0 : failing(() => statement.run(...bound(parameters)).changes)
            return { changes, getAllSync: () => rows, resetSync: () => {} }
          },
          finalizeSync: () => statement.finalize(),
        }
      },
      closeSync: () => database.close(),
    }
  },
}

export const standInOpSqlite: OpSqliteModule = {
  open: ({ name, location }): OpDatabase => {
    const database = new Database(join(location, name), { create: true, readwrite: true })
    const failing = <A>(native: () => A): A => {
      try {
        return native()
      } catch (thrown) {
        throw new Error(`[op-sqlite] statement execution error: ${words(thrown)}`)
      }
    }
    return {
      executeSync: (sql, parameters) =>
        failing(() => {
          const isOne = /^\s*(select|pragma|explain)\b/i.test(sql) || (parameters?.length ?? 0) > 0
          if (!isOne) return { rowsAffected: database.run(sql).changes, rows: [] }
          const statement = database.prepare<Record<string, unknown>, Array<SQLQueryBindings>>(sql)
          try {
            if (statement.columnNames.length === 0) {
              return { rowsAffected: statement.run(...bound(parameters)).changes, rows: [] }
            }
            return { rowsAffected: 0, rows: statement.all(...bound(parameters)).map(withArrayBuffers) }
          } finally {
            statement.finalize()
          }
        }),
      close: () => database.close(),
    }
  },
}

const withArrayBuffers = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value instanceof Uint8Array ? new Uint8Array(value).buffer : value,
    ]),
  )
