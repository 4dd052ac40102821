import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Span, WindowEvent } from "../kernel/streams/WindowPane.ts"
import * as Windows from "../kernel/streams/Windows.ts"
import { told } from "./Emissions.ts"

/** The rows of who upserts each emission and deletes what it replaces. */
const rows = (emitted: ReadonlyArray<Windows.Emission<string>>) => {
  const table = new Map<string, string>()
  const id = (key: string, { endMillis, startMillis }: Span) => `${key} ${startMillis} ${endMillis}`
  for (const emission of emitted) {
    if (emission._tag === "Update") for (const span of emission.replaces) table.delete(id(emission.key, span))
    table.set(id(emission.key, emission), emission.value)
  }
  return table
}

const options: Windows.WindowOptions<string, string> = {
  shape: { kind: "session", gapMillis: 5, merge: (earlier, later) => earlier + later },
  initial: "",
  add: (text, { value }) => text + value,
  graceMillis: 10,
  watermark: { disorderMillis: 4 },
}

const batches = fc.array(
  fc.array(
    fc
      .record({ key: fc.constantFrom("a", "b"), atMillis: fc.integer({ min: 0, max: 60 }) })
      .map(
        ({ atMillis, key }): WindowEvent<string> => ({ key, atMillis, partition: "p", readAtMillis: 0, value: "." }),
      ),
  ),
  { maxLength: 6 },
)

/** What each batch says. */
const emissions = (given: ReadonlyArray<ReadonlyArray<WindowEvent<string>>>) => {
  let state = Windows.make<string>(["p"], 0)
  return given.map((events) => {
    const step = Windows.step(state, events, options)
    state = step.state
    return step.emitted
  })
}

describe("what of a unit's emissions is told", () => {
  it("the latest updates leave the rows that all of them leave", () => {
    fc.assert(
      fc.property(batches, (given) => {
        const all = emissions(given)
        const latest = all.map((emitted) => told(emitted, "latest"))
        expect(rows(latest.flat())).toEqual(rows(all.flat()))
      }),
    )
  })

  it("no window is updated twice in a row, and what is on time and final is all there, in its order", () => {
    fc.assert(
      fc.property(batches, (given) => {
        for (const emitted of emissions(given)) {
          const latest = told(emitted, "latest")
          const isUpdate = ({ _tag }: Windows.Emission<string>) => _tag === "Update"
          expect(latest.filter((each) => !isUpdate(each))).toEqual(emitted.filter((each) => !isUpdate(each)))
          for (const key of ["a", "b"]) {
            const own = latest.filter((each) => each.key === key)
            own.forEach((each, i) => {
              const next = own[i + 1]
              if (next === undefined || !isUpdate(each) || !isUpdate(next)) return
              expect([each.startMillis, each.endMillis]).not.toEqual([next.startMillis, next.endMillis])
            })
          }
        }
      }),
    )
  })

  it("each tells everything, none tells no updates", () => {
    const [emitted = []] = emissions([
      [0, 2, 30].map((atMillis) => ({ key: "a", atMillis, partition: "p", readAtMillis: 0, value: "." })),
    ])
    expect(told(emitted, "each")).toEqual(emitted)
    expect(told(emitted, "none").map(({ _tag }) => _tag)).toEqual(["OnTime", "Final"])
    expect(told(emitted, "latest").map(({ _tag, startMillis }) => [_tag, startMillis])).toEqual([
      ["Update", 0],
      ["Update", 30],
      ["OnTime", 0],
      ["Final", 0],
    ])
  })
})
