import fc from "fast-check"
import { expect, test } from "vitest"
import * as FrameSequence from "./FrameSequence.ts"

const frames = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 })

test("frames come back one by one as they were joined", () => {
  fc.assert(
    fc.property(frames, (sent) => {
      expect(FrameSequence.split(FrameSequence.join(sent))).toEqual(sent)
    }),
  )
})

test("[bridge 16] a body that was cut is no sequence, unless it was cut between two frames", () => {
  fc.assert(
    fc.property(frames, fc.nat(), (sent, where) => {
      const body = FrameSequence.join(sent)
      const length = where % (body.length + 1)
      const ends = sent.map((_, i) => FrameSequence.join(sent.slice(0, i)).length).concat(body.length)
      const found = FrameSequence.split(body.subarray(0, length))
      if (ends.includes(length)) expect(found).toEqual(sent.slice(0, ends.indexOf(length)))
      else expect(found).toBeNull()
    }),
  )
})

test("whatever bytes come, it is a sequence or none, and nothing throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const found = FrameSequence.split(bytes)
      if (found !== null) expect(FrameSequence.join(found)).toEqual(bytes)
    }),
  )
})

test("is written the same way for ever", () => {
  expect([...FrameSequence.join([new Uint8Array([1, 2]), new Uint8Array()])]).toEqual([0, 0, 0, 2, 1, 2, 0, 0, 0, 0])
})
