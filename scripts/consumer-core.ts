/**
 * What a user of the published @paceline/core would write: what is behind its doors, used once.
 * `build-packages.ts` checks its types and runs it, far from this repository, on Node and on Bun.
 */
import assert from "node:assert/strict"
import { UnitOfWork, VersionConflict } from "@paceline/core/consistency"
import { AthleteId, PacelineApi, tilesChannel } from "@paceline/core/contract"
import { Backoff, EffortPoints } from "@paceline/core/kernel"
import { Broadcast, Consumer } from "@paceline/core/messaging"
import { WindowShape } from "@paceline/core/streams"
import { Bundle, crc32, LiveFrame } from "@paceline/core/wire"
import { Saga } from "@paceline/core/workflow"
import { Effect, Schema } from "effect"

const minute = [...Array(61).keys()].reduce(
  (effort, second) => EffortPoints.add(effort, second * 1000, 190, 190),
  EffortPoints.empty,
)
assert.equal(EffortPoints.points(minute.zoneMillis), 5)
assert.equal(Backoff.ceilingMillis(Backoff.standard, 50), 10_000)

const bundle: Bundle.Bundle = [{ sensor: "strap-01", kind: "heartRate", atMillis: [1000, 2000], values: [92, 93] }]
assert.deepEqual(Bundle.decode(Bundle.encode(bundle)), bundle)
assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926)
const frame: LiveFrame.LiveFrame = { _tag: "Heartbeat", echo: true }
assert.deepEqual(LiveFrame.decode(LiveFrame.encode(frame)), frame)

assert.deepEqual(Object.keys(PacelineApi.groups).sort(), [
  "devices",
  "gamification",
  "operations",
  "people",
  "privacy",
  "series",
  "training",
])
const athlete = Schema.decodeUnknownSync(AthleteId)("a1")
assert.equal(athlete, "a1")
assert.ok(tilesChannel.length === 1)

const conflict = new VersionConflict({ aggregate: "Profile", id: athlete, expectedVersion: 1, actualVersion: 2 })
assert.equal(Effect.runSync(Effect.flip(conflict)), conflict)
assert.ok(UnitOfWork.key.length > 0)

const heard: Array<number> = []
const broadcast = Broadcast.make<number>()
broadcast.subscribe((value) => heard.push(value))
broadcast.publish(1)
assert.deepEqual(heard, [1])
assert.equal(typeof Consumer.run, "function")

const order = Saga.make({
  name: "order",
  input: Schema.Struct({ seat: Schema.Int }),
  steps: (saga) => saga.call("charge", { result: Schema.Int, run: ({ seat }) => Effect.succeed(seat) }),
})
assert.equal(typeof order.start, "function")
assert.equal(typeof WindowShape.everyMinute, "object")
