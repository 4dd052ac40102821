import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { SensorKind } from "@paceline/core/wire"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect } from "vitest"
import * as Source from "./Source.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-source-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("the source of a rehearsal", () => {
  it.effect("says the same for the same seed, and something else for another", () =>
    Effect.gen(function* () {
      const said = (seed: number) =>
        Effect.map(Source.load({ athletes: 2, files: [], seed }), (source) => [...source.said(1000, 60)])
      expect(yield* said(7)).toEqual(yield* said(7))
      expect(yield* said(7)).not.toEqual(yield* said(8))
    }),
  )

  it.effect("has every strap of the class, each with a heart rate a second and one end, at the end", () =>
    Effect.gen(function* () {
      const source = yield* Source.load({ athletes: 3, files: [], seed: 1 })
      expect(source.athletes).toHaveLength(3)
      expect(new Set(source.athletes.map(({ alias }) => alias)).size).toBe(3)
      const said = [...source.said(5_000, 60)]
      expect(Math.min(...said.map(({ atMillis }) => atMillis))).toBe(5_000)
      expect(Math.max(...said.map(({ atMillis }) => atMillis))).toBe(65_000)
      for (const sensor of ["strap-01", "strap-02", "strap-03"]) {
        const own = said.filter((sample) => sample.sensor === sensor)
        expect(own.filter(({ kind }) => kind === "heartRate")).toHaveLength(61)
        expect(own.filter(({ kind }) => kind === "activity")).toEqual([
          { sensor, kind: "activity", atMillis: 65_000, value: SensorKind.ACTIVITY_ENDED },
        ])
      }
    }),
  )

  it.effect("fails at a file that is not there, a folder, or no activity, and says which and why", () =>
    Effect.gen(function* () {
      const broken = join(folder, "broken.fit")
      writeFileSync(broken, "this is no FIT file")
      const failure = (file: string) =>
        Effect.map(Effect.flip(Source.load({ athletes: 1, files: [file], seed: 1 })), ({ message }) => message)
      expect(yield* failure(join(folder, "nowhere.fit"))).toBe(`There is no file ${join(folder, "nowhere.fit")}.`)
      expect(yield* failure(folder)).toBe(`${folder} is a folder, not a FIT file.`)
      expect(yield* failure(broken)).toMatch(`${broken}: This is not a FIT file`)
    }),
  )
})
