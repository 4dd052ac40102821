/** The client on a line that loses answers: a real server did what was asked, and nobody heard of it. */
import { expect, it } from "@effect/vitest"
import { Conflict, createClient, type Profile, Unreachable } from "@paceline/client-sdk"
import { Effect } from "effect"
import { describe } from "vitest"
import { TestServer } from "./TestServer.ts"

interface Line {
  readonly url: string
  /** Cuts the line, so many times, when the server's answer arrives. */
  readonly cut: (times: number) => void
  /** How many answers were lost. */
  readonly lost: () => number
}

/** A line to a server. */
const lineTo = (url: string) => {
  const { hostname, port } = new URL(url)
  let left = 0
  let lost = 0
  const open = () =>
    Bun.listen<{ server: Promise<Bun.Socket> | null }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (client) => {
          client.data = {
            server: Bun.connect({
              hostname,
              port: Number(port),
              socket: {
                data: (_, bytes) => {
                  if (left > 0) {
                    left--
                    lost++
                    client.terminate()
                  } else client.write(bytes)
                },
                close: () => void client.end(),
              },
            }),
          }
        },
        data: async (client, bytes) => void (await client.data.server)?.write(bytes),
        close: async (client) => void (await client.data.server)?.end(),
      },
    })
  return Effect.map(
    Effect.acquireRelease(Effect.sync(open), (listener) => Effect.sync(() => listener.stop(true))),
    (listener): Line => ({
      url: `http://127.0.0.1:${listener.port}`,
      cut: (times) => {
        left = times
      },
      lost: () => lost,
    }),
  )
}

/** An athlete's client on the line, and the same athlete's other phone on a good one. */
const athlete = Effect.gen(function* () {
  const server = yield* TestServer
  const line = yield* lineTo(server.url)
  const { key } = yield* server.addAthlete({ alias: "Anna" })
  const clientAt = (url: string) =>
    Effect.acquireRelease(
      Effect.sync(() => createClient({ url, key, random: () => 0 })),
      (client) => Effect.sync(client.close),
    )
  return { line, here: yield* clientAt(line.url), there: yield* clientAt(server.url), events: server.events }
})

/** What a promise fails with. */
const failure = (promise: Promise<Profile>) => Effect.flip(Effect.tryPromise({ try: () => promise, catch: (e) => e }))

describe("The client on a line that loses answers", () => {
  it.scopedLive("[log 3] makes exactly one change, and gets its answer", () =>
    Effect.gen(function* () {
      const { events, here, line } = yield* athlete
      const profile = yield* Effect.promise(() => here.me.get())
      line.cut(3)
      const changed = yield* Effect.promise(() => here.me.change(profile, { alias: "Anka" }))
      expect(changed).toEqual({ ...profile, alias: "Anka", version: 2 })
      expect(line.lost()).toBe(3)
      expect(yield* events).toMatchObject({ people: 2 })
      expect(yield* Effect.promise(() => here.me.get())).toEqual(changed)
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("says so when it heard nothing at all; the change was made once, and made again it is no other", () =>
    Effect.gen(function* () {
      const { events, here, line } = yield* athlete
      const profile = yield* Effect.promise(() => here.me.get())
      line.cut(Number.POSITIVE_INFINITY)
      expect(yield* failure(here.me.change(profile, { alias: "Anka" }))).toBeInstanceOf(Unreachable)
      // The platform itself may have sent a request again on a line that it had kept open.
      expect(line.lost()).toBeGreaterThanOrEqual(5)
      line.cut(0)
      expect(yield* events).toMatchObject({ people: 2 })
      expect(yield* Effect.promise(() => here.me.change(profile, { alias: "Anka" }))).toMatchObject({ version: 2 })
      expect(yield* events).toMatchObject({ people: 2 })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("[log 2] gets both values of a conflict, and what the athlete chooses is stored", () =>
    Effect.gen(function* () {
      const { here, line, there } = yield* athlete
      const profile = yield* Effect.promise(() => here.me.get())
      const theirs = yield* Effect.promise(() => there.me.change(profile, { alias: "Ann", maxHeartRateBpm: 184 }))
      line.cut(1)
      const error = yield* failure(here.me.change(profile, { alias: "Anka", heartRateVisible: false }))
      if (!(error instanceof Conflict)) throw error
      expect(error).toMatchObject({ fields: ["alias"], theirs, expectedVersion: 1, actualVersion: 2 })
      expect(error.mine).toEqual({ alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184 })
      const chosen = { ...error.mine, alias: error.theirs.alias }
      const stored = yield* Effect.promise(() => here.me.change(error.theirs, chosen))
      expect(stored).toEqual({ ...theirs, heartRateVisible: false, version: 3 })
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
