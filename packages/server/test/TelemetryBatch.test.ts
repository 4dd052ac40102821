/** A batch of chunks, the store of which dies in its middle. */
import { expect, layer } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { FrameSequence, TelemetryFrame } from "@paceline/core/wire"
import { Effect, Layer } from "effect"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { simple } from "./Bridge.ts"
import { TestServer } from "./TestServer.ts"

const store = SqliteStore.layerTest()
const server = Layer.provideMerge(TestServer.layerOn(store), store)

/** All of it in one request, so that it is one batch. */
const deliver = (device: { readonly deviceId: string; readonly key: string }, numbers: ReadonlyArray<number>) =>
  Effect.flatMap(TestServer, ({ url }) =>
    Effect.promise(async () => {
      const hello: TelemetryFrame.Hello = { _tag: "Hello", ...device, waiting: [{ incarnation: "run-1", first: 1 }] }
      const frames = [hello, ...numbers.map((n) => simple(n))].map(TelemetryFrame.encode)
      const response = await fetch(`${url}/v1/telemetry`, { method: "POST", body: FrameSequence.join(frames) })
      const answer = FrameSequence.split(new Uint8Array(await response.arrayBuffer())) ?? []
      return answer.map(TelemetryFrame.decode).flatMap((frame) => (frame._tag === "Ack" ? [frame.n] : []))
    }),
  )

layer(server, { excludeTestServices: true })("A batch", (it) => {
  it.scoped(
    "[bridge 6] that fails in its middle is not there at all: no chunk, no mark, no count, no acknowledgement",
    () =>
      Effect.gen(function* () {
        const { addDevice, sql } = yield* TestServer
        const { deviceId, key } = yield* addDevice()
        const device = { deviceId, key }
        const held = Effect.gen(function* () {
          const chunks = yield* sql`SELECT n FROM chunk WHERE device_id = ${deviceId} ORDER BY n`
          const marks = yield* sql`SELECT mark FROM stream WHERE device_id = ${deviceId}`
          const counts = yield* sql`SELECT chunks, samples, quarantined FROM device WHERE device_id = ${deviceId}`
          return { chunks: chunks.map(({ n }) => n), marks: marks.map(({ mark }) => mark), counts }
        })
        yield* UnitOfWork.run(sql`
        CREATE TRIGGER dies BEFORE INSERT ON chunk WHEN new.n = 5 BEGIN SELECT RAISE(ABORT, 'it dies here'); END`)
        const acknowledged = (yield* deliver(device, [1, 2, 3, 4, 5, 6])).at(-1) ?? 0
        // What the request began with may have been a batch of its own; those around the fifth were one.
        expect(acknowledged).toBeLessThan(4)
        const chunks = Array.from({ length: acknowledged }, (_, i) => i + 1)
        const marks = acknowledged === 0 ? [] : [acknowledged]
        expect(yield* held).toMatchObject({ chunks, marks, counts: [{ chunks: acknowledged, samples: acknowledged }] })
        yield* UnitOfWork.run(sql`DROP TRIGGER dies`)
        expect((yield* deliver(device, [1, 2, 3, 4, 5, 6])).at(-1)).toBe(6)
        expect(yield* held).toMatchObject({
          chunks: [1, 2, 3, 4, 5, 6],
          marks: [6],
          counts: [{ chunks: 6, samples: 6, quarantined: 0 }],
        })
      }),
  )
})
