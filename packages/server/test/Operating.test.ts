/** What an operator does on the command line, with real processes: the log, dead letters, backups. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Topics } from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Logger } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

// A dozen processes a test, on machines that do other things too.
vi.setConfig({ testTimeout: 60_000 })

let folder = ""
const servers: Array<Bun.Subprocess> = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline operating "))
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map(stop))
  rmSync(folder, { recursive: true, force: true })
})

const stop = async (server: Bun.Subprocess) => {
  server.kill("SIGTERM")
  await server.exited
}

const spawn = (args: ReadonlyArray<string>) =>
  Bun.spawn([process.execPath, main, ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })

/** Runs a command on the data folder to its end. */
const paceline = async (...args: ReadonlyArray<string>) => {
  const child = spawn([...args, "--data", "data"])
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { out: out.trim(), err: err.trim(), code }
}

const json = async (...args: ReadonlyArray<string>) => {
  const { code, err, out } = await paceline(...args, "--json")
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}

const serve = async (data = "data", ...flags: ReadonlyArray<string>) => {
  const child = spawn(["serve", "--port", "0", "--data", data, "--log-format", "json", ...flags])
  servers.push(child)
  let text = ""
  for await (const part of child.stdout) {
    text += new TextDecoder().decode(part)
    if (text.includes(`"Paceline is ready"`)) return child
  }
  throw new Error(`the server ended: ${text} ${await new Response(child.stderr).text()}`)
}

/** Looks again until it is as it should be. */
const until = async <A>(look: () => Promise<A>, accept: (found: A) => boolean): Promise<A> => {
  for (let tries = 0; tries < 50; tries++) {
    const found = await look()
    if (accept(found)) return found
    await Bun.sleep(100)
  }
  throw new Error(`it never came: ${JSON.stringify(await look())}`)
}

/** Puts records into the log of a data folder on which no server runs. */
const publish = (topic: string, ...payloads: ReadonlyArray<unknown>) =>
  Effect.flatMap(EventLog.EventLog, (log) =>
    log.publish(
      topic,
      payloads.map((payload) => ({ key: "rider-1", payload })),
    ),
  ).pipe(
    Effect.provide(SqliteStore.layer({ folder: join(folder, "data") })),
    Effect.provide(Logger.remove(Logger.defaultLogger)),
    Effect.runPromise,
  )

interface Group {
  readonly group: string
  readonly topic: string
  readonly lag: number
  readonly deadLetters: number
}

describe("paceline log", () => {
  it("prints records from a place on and of a key, and goes on with what is appended", async () => {
    await serve()
    for (const alias of ["Mara", "Anna"]) await json("athlete", "add", alias)
    const { out } = await paceline("log", "tail", "people", "--from", "start")
    expect(out.split("\n")).toHaveLength(2)
    expect(out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}0:0 {2}athlete-\w+ {2}\{.*"alias":"Mara".*\}$/m)
    const newest = await json("log", "tail", "people", "--limit", "1")
    expect(newest).toMatchObject({ partition: 0, offset: 1, payload: { alias: "Anna" } })
    expect(await json("log", "tail", "people", "--key", newest.key)).toEqual(newest)

    const following = spawn(["log", "tail", "people", "--from", "end", "--follow", "--json", "--data", "data"])
    servers.push(following)
    const first = following.stdout.getReader().read()
    await Bun.sleep(1_000)
    await json("athlete", "add", "Ben")
    expect(JSON.parse(new TextDecoder().decode((await first).value))).toMatchObject({ payload: { alias: "Ben" } })

    expect(await paceline("log", "tail", "nonsense")).toMatchObject({
      code: 1,
      err: `paceline: There is no topic "nonsense". There are: chunks, people, telemetry, training.`,
    })
    expect((await paceline("log", "tail", "people", "--from", "yesterday")).err).toContain("give start, end, an offset")
  })

  it("[log 28] shows where each group stands, aligned for people, in lines and in JSON for programs", async () => {
    await serve()
    await json("athlete", "add", "Mara")
    const settled = await until(
      () => json("log", "groups"),
      (groups: ReadonlyArray<Group>) => groups.every(({ lag }) => lag === 0),
    )
    expect(settled.map(({ group, topic }: Group) => `${group} on ${topic}`)).toEqual([
      "gamification on people",
      "gamification on training",
      "series on chunks",
      "training on people",
      "training on telemetry",
    ])
    const { out } = await paceline("log", "groups")
    const [head = "", first = ""] = out.split("\n")
    expect(head).toMatch(/^GROUP +TOPIC +PARTITION +COMMITTED +START +END +LAG +PARKED +DEAD +STATE$/)
    expect(first).toMatch(/^gamification +people +0 +1 +0 +1 +0 +0 +0 +ok$/)
    expect(first.indexOf("people")).toBe(head.indexOf("TOPIC"))
    expect((await paceline("log", "lag")).out.split("\n")[0]).toBe(
      "gamification on people total=1 done=1 failed=0 skipped=0 waiting=0 lag=0 parked=0 dead=0 percent=100.0 stalled=false",
    )
  })

  it("[log 22] moves a group only when it is told --yes, and says what that means", async () => {
    await serve()
    await json("athlete", "add", "Mara")
    await until(
      () => json("log", "groups"),
      (groups: ReadonlyArray<Group>) => groups.every(({ lag }) => lag === 0),
    )
    const asked = await paceline("log", "seek", "gamification", "people", "--to", "start")
    expect(asked.code).toBe(1)
    expect(asked.err).toMatch(/^paceline: This would move gamification on people, which stands at 0:1 of 1, to start\./)
    expect(asked.err).toContain("--yes")
    const { out } = await paceline("log", "seek", "gamification", "people", "--to", "start", "--yes")
    expect(out).toBe("gamification on people/0 moved from 1 to 0: 1 record will be handled again.")
    await until(
      () => json("log", "groups"),
      (groups: ReadonlyArray<Group>) => groups.every(({ lag }) => lag === 0),
    )
    expect((await paceline("log", "seek", "nobody", "people", "--to", "start", "--yes")).err).toMatch(
      /^paceline: No consumer group "nobody" reads topic "people"\. There are: gamification on people, /,
    )
  })
})

describe("paceline dead-letters", () => {
  it("[log 30] [log 31] lists, shows, replays and drops what a group gave up", async () => {
    // A record that no version of this program has written: both are given up as soon as they are read.
    await publish(Topics.training.name, { not: "a workout" }, { not: "this either" })
    await serve()
    const list = () => json("dead-letters", "list")
    const letters = await until(list, ({ length }) => length === 2)
    const [first, second] = letters
    expect(first).toMatchObject({ group: "gamification", topic: "training", key: "rider-1", attempts: 1 })
    const { out } = await paceline("dead-letters", "list", "--group", "gamification")
    expect(out).toMatch(
      /^GROUP +TOPIC +ID +KEY +ATTEMPTS +GIVEN UP +ERROR\ngamification +training +00000-0+ +rider-1 +1 /,
    )
    expect((await paceline("dead-letters", "list", "--limit", "1")).out).toContain("… and 1 more")
    expect((await paceline("dead-letters", "list", "--group", "training")).out).toBe(
      "There are no dead letters of group training.",
    )
    const shown = (await paceline("dead-letters", "show", first.id)).out
    expect(shown).toContain(`"not": "a workout"`)
    expect(shown).toContain("cannot be decoded")
    expect(shown).toContain(`paceline dead-letters replay ${first.id}`)

    expect((await paceline("dead-letters", "replay", first.id)).out).toBe("1 record given back.")
    // Nothing was mended, so it comes back.
    expect(await until(list, ({ length }) => length === 2)).toMatchObject([{ id: first.id }, { id: second.id }])

    const asked = await paceline("dead-letters", "drop", second.id)
    expect(asked).toMatchObject({ code: 1 })
    expect(asked.err).toContain("Say --yes to do it.")
    expect((await paceline("dead-letters", "drop", second.id, "--yes")).out).toBe("1 dead letter given up.")
    expect(await list()).toMatchObject([{ id: first.id }])
    expect((await paceline("dead-letters", "drop", "--all", "--yes")).out).toBe("1 dead letter given up.")
    expect((await paceline("dead-letters", "list")).out).toBe("There are no dead letters.")
    expect((await paceline("dead-letters", "show", first.id)).err).toContain("There is no dead letter")
    expect((await paceline("dead-letters", "replay")).err).toContain("the ID of one, or --all")
  })
})

describe("paceline backup", () => {
  it("copies all data while the server runs, and a server on the copy has it", async () => {
    const running = await serve()
    await json("athlete", "add", "Mara")
    const { out } = await paceline("backup", "copy.db")
    expect(out).toMatch(
      /copy\.db \(\d+\.\d [kM]B, \d+\.\d s\)\n\nTo restore it: put it into an empty folder as paceline\.db/,
    )
    await json("athlete", "add", "Anna")
    await stop(running)

    mkdirSync(join(folder, "restored"))
    await Bun.write(join(folder, "restored", "paceline.db"), Bun.file(join(folder, "copy.db")))
    await serve("restored")
    const child = spawn(["athlete", "list", "--data", "restored"])
    const athletes = await new Response(child.stdout).text()
    expect(athletes).toContain("Mara")
    expect(athletes).not.toContain("Anna")
  })

  it("names the file after the time in a folder, writes over nothing, and says where there is no data", async () => {
    expect(await paceline("backup", "copy.db")).toMatchObject({ code: 1 })
    expect((await paceline("backup", "copy.db")).err).toMatch(/^paceline: There is no data in .+ --data\.$/)
    await publish(Topics.people.name)
    mkdirSync(join(folder, "stick"))
    const { file } = await json("backup", "stick")
    expect(file).toMatch(/stick\/paceline-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.db$/)
    expect((await paceline("backup", file)).err).toMatch(/is there already\. Choose another name\.$/)
  })

  it("is made by the server by itself, at once where its folder has none", async () => {
    const backups = join(folder, "backups")
    await serve("data", "--backup-folder", "backups")
    const ours = () => (existsSync(backups) ? readdirSync(backups).filter((name) => name.endsWith("Z.db")) : [])
    await until(
      async () => ours(),
      ({ length }) => length === 1,
    )
    const owner: { url: string } = await Bun.file(join(folder, "data", "owner.json")).json()
    const key = (await Bun.file(join(folder, "data", "admin.key")).text()).trim()
    const schedules = await fetch(`${owner.url}/v1/operations/schedules`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(await schedules.json()).toMatchObject([{ task: "backup", paused: false, nextAtMs: expect.any(Number) }])
    expect((await paceline("config", "--backup-at", "25:00")).err).toBe(
      'paceline: The setting "backup-at" (flag --backup-at): "25:00" is not a time of day from 00:00 to 23:59.',
    )
  })
})
