/** The part of `better-sqlite3` that the driver uses; the package brings no types of its own. */
declare module "better-sqlite3" {
  type Value = null | number | string | Uint8Array

  interface Statement {
    readonly reader: boolean
    run(...parameters: ReadonlyArray<Value>): { readonly changes: number }
    get(...parameters: ReadonlyArray<Value>): Readonly<Record<string, Value>> | undefined
    all(...parameters: ReadonlyArray<Value>): ReadonlyArray<Readonly<Record<string, Value>>>
  }

  export default class Database {
    constructor(path: string, options?: { readonly timeout?: number })
    exec(sql: string): this
    prepare(sql: string): Statement
    close(): this
  }
}
