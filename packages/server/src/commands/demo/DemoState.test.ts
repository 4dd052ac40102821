import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AthleteId, DeviceId } from "@paceline/core/contract"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as DemoState from "./DemoState.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-demo-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("what the demo remembers", () => {
  it("is what was saved, in a file that only its owner may read", () => {
    const file = join(folder, "demo.json")
    const state: DemoState.DemoState = {
      device: { deviceId: DeviceId.make("d1"), key: "secret" },
      athletes: [AthleteId.make("a1"), AthleteId.make("a2")],
      paired: 1,
      startedAtMs: 1_700_000_000_000,
    }
    DemoState.save(file, DemoState.empty)
    DemoState.save(file, state)
    expect(DemoState.load(file)).toEqual(state)
    if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it("is nothing when there is no file, or none that can be read", () => {
    expect(DemoState.load(join(folder, "nowhere.json"))).toEqual(DemoState.empty)
    const broken = join(folder, "broken.json")
    writeFileSync(broken, '{"device":null,"athletes":["no such id!')
    expect(DemoState.load(broken)).toEqual(DemoState.empty)
    writeFileSync(broken, '{"device":{"deviceId":"../x","key":"k"},"athletes":[],"paired":0,"startedAtMs":null}')
    expect(DemoState.load(broken)).toEqual(DemoState.empty)
  })
})
