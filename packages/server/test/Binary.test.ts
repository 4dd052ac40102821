/**
 * The compiled program, alone in an empty folder: its log, its consumers, its dead letters and its backups need nothing
 * that is not inside it. The gate `scripts/check-binary.ts` holds the rest of it, on the binary that is delivered.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Topics } from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Logger } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

let home = ""
let program = ""
const servers: Array<Bun.Subprocess> = []

/** In a process of its own: the test's runner may not be what the program is built with. */
const compile = async () => {
  const child = Bun.spawn([process.execPath, "build", "--compile", main, "--outfile", program], {
    cwd: home,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  })
  const problems = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(problems)
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "paceline binary "))
  program = join(home, "paceline")
  await compile()
}, 120_000)

afterAll(async () => {
  for (const server of servers) {
    server.kill("SIGKILL")
    await server.exited
  }
  rmSync(home, { recursive: true, force: true })
})

/** With nothing of this repository in reach. */
const spawn = (args: ReadonlyArray<string>) =>
  Bun.spawn([program, ...args], {
    cwd: home,
    env: { PATH: "/nonexistent", HOME: home, TMPDIR: home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })

const paceline = async (...args: ReadonlyArray<string>) => {
  const child = spawn(args)
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`${args.join(" ")}: ${err}`)
  return out
}

const json = async (...args: ReadonlyArray<string>) => JSON.parse(await paceline(...args, "--json"))

const serve = async (data: string, ...flags: ReadonlyArray<string>) => {
  const child = spawn(["serve", "--port", "0", "--data", data, "--log-format", "json", ...flags])
  servers.push(child)
  let text = ""
  for await (const part of child.stdout) {
    text += new TextDecoder().decode(part)
    if (text.includes(`"Paceline is ready"`)) return child
  }
  throw new Error(`the server ended: ${text} ${await new Response(child.stderr).text()}`)
}

const until = async <A>(look: () => Promise<A>, accept: (found: A) => boolean): Promise<A> => {
  for (let tries = 0; tries < 100; tries++) {
    const found = await look()
    if (accept(found)) return found
    await Bun.sleep(100)
  }
  throw new Error(`it never came: ${JSON.stringify(await look())}`)
}

interface Group {
  readonly group: string
  readonly topic: string
  readonly done: number
  readonly waiting: number
}

describe("The compiled program, with no node_modules in reach", () => {
  it("[log 55] publishes, consumes, gives up what cannot be handled, replays it, and is backed up and restored", async () => {
    // What its consumer cannot read lies in its log before it starts.
    await Effect.flatMap(EventLog.EventLog, (log) =>
      log.publish(Topics.training.name, [{ key: "rider-1", payload: { not: "a workout" } }]),
    ).pipe(
      Effect.provide(SqliteStore.layer({ folder: join(home, "data") })),
      Effect.provide(Logger.remove(Logger.defaultLogger)),
      Effect.runPromise,
    )
    const server = await serve("data")
    for (const alias of ["Mara", "Anna"]) await json("athlete", "add", alias, "--data", "data")
    const groups = await until(
      () => json("log", "lag", "--data", "data"),
      (found: ReadonlyArray<Group>) => found.every(({ waiting }) => waiting === 0),
    )
    expect(groups.filter(({ topic }: Group) => topic === "people")).toMatchObject([
      { group: "gamification", done: 2 },
      { group: "training", done: 2 },
    ])
    expect(await paceline("log", "tail", "people", "--data", "data")).toMatch(/Mara[\s\S]+Anna/)

    const letters = () => json("dead-letters", "list", "--data", "data")
    const [letter] = await letters()
    expect(letter).toMatchObject({ group: "gamification", topic: "training", payload: { not: "a workout" } })
    await paceline("dead-letters", "replay", letter.id, "--data", "data")
    const again = (found: ReadonlyArray<{ deadAtMs: number }>) =>
      found.some(({ deadAtMs }) => deadAtMs > letter.deadAtMs)
    expect(await until(letters, again)).toMatchObject([{ id: letter.id }])

    await paceline("backup", "copy.db", "--data", "data")
    server.kill("SIGKILL")
    await server.exited
    mkdirSync(join(home, "restored"))
    renameSync(join(home, "copy.db"), join(home, "restored", "paceline.db"))
    await serve("restored", "--backup-folder", "backups")
    const athletes = await json("athlete", "list", "--data", "restored")
    expect(athletes.map(({ alias }: { alias: string }) => alias).toSorted()).toEqual(["Anna", "Mara"])
    expect(await json("dead-letters", "list", "--data", "restored")).toMatchObject([{ id: letter.id }])
    // Made by its scheduler, as a job of its queue.
    const backups = join(home, "backups")
    await until(
      async () => (existsSync(backups) ? readdirSync(backups).filter((name) => name.endsWith("Z.db")) : []),
      ({ length }) => length === 1,
    )
  }, 120_000)
})
