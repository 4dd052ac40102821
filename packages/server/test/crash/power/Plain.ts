/**
 * A plain SQLite database, without any of Paceline, to see that the simulated power cut is one.
 *
 * `bun Plain.ts FOLDER NORMAL|FULL` writes rows under that setting of `synchronous` and records its writes in
 * `FOLDER/writes`; `bun Plain.ts FOLDER` prints the rows of the database that it finds there.
 */
import { Database } from "bun:sqlite"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { record } from "./Recorder.ts"

const ROWS = 200

const [, , folder = "", synchronous] = process.argv

if (synchronous === undefined) {
  const path = join(folder, "plain.db")
  if (existsSync(path)) {
    const database = new Database(path)
    const table = database.query("SELECT 1 FROM sqlite_master WHERE name = 'row'").get()
    const rows = table === null ? [] : database.query<{ n: number }, []>("SELECT n FROM row").all()
    console.log(rows.map(({ n }) => n).join(" "))
  }
} else {
  const data = join(folder, "data")
  mkdirSync(data)
  const recorder = record(data, join(folder, "writes"))
  const database = new Database(join(data, "plain.db"))
  for (const pragma of ["journal_mode = WAL", `synchronous = ${synchronous}`]) database.run(`PRAGMA ${pragma}`)
  database.run("CREATE TABLE row (n INTEGER NOT NULL)")
  const insert = database.prepare("INSERT INTO row (n) VALUES (?)")
  for (let n = 0; n < ROWS; n++) {
    insert.run(n)
    recorder.mark(n)
  }
  database.close()
}
