import { expect, test } from "vitest"
import type { TimedBeat } from "./HeardAmong.ts"
import { heardBeats } from "./HeardBeats.ts"
import type { CursorBridge } from "./SourceBridge.ts"

const cursors = (): CursorBridge & { readonly kept: Map<string, string> } => {
  const kept = new Map<string, string>()
  return {
    kept,
    record: () => true,
    moveCursor: (source, position) => void kept.set(source, position),
    cursor: (source) => kept.get(source) ?? null,
  }
}

/** A beat every 750 ms: 768 counts of 1/1024 s. */
const beat = (n: number): TimedBeat => ({ atMillis: 1_763_600_000_000 + 750 * n, rrIntervalSeconds: 768 / 1024 })

const KEPT = 128 * 256

test("the newest beats are remembered, in so many cursors and no more, also after a restart", () => {
  const bridge = cursors()
  const heard = heardBeats(bridge, "strap-07")
  for (let n = 0; n < KEPT + 1_000; n++) heard.add(beat(n))
  const all = heard.all()
  expect(all.length).toBeGreaterThan(KEPT - 256)
  expect(all.length).toBeLessThanOrEqual(KEPT)
  expect(all.at(-1)).toEqual(beat(KEPT + 999))
  expect(bridge.kept.size).toBe(128 + 1)
  expect(heardBeats(bridge, "strap-07").all()).toEqual(all)
})
