import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { describeSource, type Sources } from "./Setting.ts"
import * as Settings from "./Settings.ts"
import * as SettingsFile from "./SettingsFile.ts"

const nothing: Sources = { flags: {}, environment: {}, file: null }
const settingsOf = (sources: Partial<Sources>) => Either.getOrThrow(Settings.resolveAll({ ...nothing, ...sources }))
const problemOf = (sources: Partial<Sources>) =>
  Either.match(Settings.resolveAll({ ...nothing, ...sources }), {
    onLeft: (error) => error.message,
    onRight: () => "none",
  })

describe("Settings", () => {
  it("take the flag before the environment, that before the file, and that before the default", () => {
    const file = { path: "/p.toml", values: { port: "3", host: "file", data: "file" } }
    const environment = { PACELINE_PORT: "2", PACELINE_HOST: "env" }
    const settings = settingsOf({ flags: { port: "1" }, environment, file })
    expect([settings.port, settings.host, settings.data, settings.bridgeWindow].map(({ value }) => value)).toEqual([
      1,
      "env",
      "file",
      64,
    ])
    expect(
      [settings.port, settings.host, settings.data, settings.bridgeWindow].map(({ source }) => describeSource(source)),
    ).toEqual(["flag --port", "environment variable PACELINE_HOST", "file /p.toml", "default"])
  })

  it("name the setting, where its value came from, and what would be one", () => {
    expect(problemOf({ flags: { port: "eighty" } })).toBe(
      `The setting "port" (flag --port): "eighty" is not a whole number from 0 to 65535.`,
    )
    expect(problemOf({ environment: { PACELINE_PORT: "70000" } })).toBe(
      `The setting "port" (environment variable PACELINE_PORT): "70000" is not a whole number from 0 to 65535.`,
    )
    expect(problemOf({ file: { path: "/p.toml", values: { "log-format": "xml" } } })).toBe(
      `The setting "log-format" (file /p.toml): "xml" is not one of auto, pretty, json.`,
    )
    expect(problemOf({ flags: { host: "" } })).toContain("is not some text")
  })

  it("refuse a contact that is lost before it is stale", () => {
    expect(problemOf({ flags: { "contact-lost-seconds": "4" } })).toContain("must be later than it is stale")
  })

  it("refuse features that come back at a load at which they go", () => {
    expect(problemOf({ flags: { "recover-at-percent": "90" } })).toContain("which must be less than they go at, 90 %")
  })

  it("refuse proxies that are no addresses, and limits that are no numbers", () => {
    expect(problemOf({ flags: { "trusted-proxies": "127.0.0.1, 10.0.0.0/8" } })).toBe("none")
    expect(problemOf({ environment: { PACELINE_TRUSTED_PROXIES: "nginx" } })).toBe(
      `The setting "trusted-proxies" (environment variable PACELINE_TRUSTED_PROXIES): "nginx" is not a list of addresses and networks, such as 127.0.0.1,10.0.0.0/8.`,
    )
    expect(problemOf({ flags: { "limit-user": "-1" } })).toContain("is not a whole number from 0 to 1000000")
    expect(problemOf({ flags: { "limit-burst-percent": "0" } })).toContain("is not a whole number from 1 to 100")
  })

  it("are each shown in one group", () => {
    expect(Object.values(Settings.sections).flat().sort()).toEqual(Object.keys(Settings.all).sort())
  })

  it("have a valid default each", () => {
    const settings = settingsOf({})
    for (const { setting, value } of Object.values(settings)) {
      expect(settingsOf({ flags: { [setting.name]: String(value) } })).toBeDefined()
    }
    expect(new Set(Settings.names).size).toBe(Object.keys(Settings.all).length)
  })
})

describe("The settings file", () => {
  const folder = mkdtempSync(join(tmpdir(), "paceline settings "))
  afterAll(() => rmSync(folder, { recursive: true }))
  const write = (content: string) => {
    const path = join(folder, "some.toml")
    writeFileSync(path, content)
    return path
  }
  const read = (path: string) => Effect.runSync(Effect.either(SettingsFile.read(path, Settings.names)))
  const problem = (path: string) => Either.match(read(path), { onLeft: (e) => e.message, onRight: () => "none" })

  it("gives numbers and texts alike", () => {
    const path = write(`port = 80\nhost = "0.0.0.0" # all\n`)
    expect(Either.getOrThrow(read(path))).toEqual({ path, values: { port: "80", host: "0.0.0.0" } })
  })

  it("says which key it does not know, and which there are", () => {
    const path = write("prot = 80")
    expect(problem(path)).toMatch(
      `The settings file ${path}: there is no setting "prot". There are: host, port, allowed-origins,`,
    )
  })

  it("says when it is not there, no TOML, or holds a table", () => {
    expect(problem(join(folder, "none.toml"))).toContain("there is no such file")
    expect(problem(write("port = = 3"))).toMatch(/The settings file .+: .+\.$/)
    expect(problem(write("[port]\nx = 1"))).toContain("is one value")
  })
})
