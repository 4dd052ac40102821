/**
 * An API on this machine that fails as real ones do: every fourth answer is an error, always the same ones, and for a
 * while it is down.
 */
export interface FlakyApi {
  readonly url: string
  /** Requests that reached it so far. */
  readonly requests: () => number
  readonly setDown: (down: boolean) => void
  readonly stop: () => Promise<void>
}

export const startFlakyApi = (seed: number): FlakyApi => {
  const random = randomFrom(seed)
  const state = { requests: 0, down: false }
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      state.requests++
      if (state.down || random() < 0.25) return new Response("try again later", { status: 503 })
      return Response.json([{ activity: "Morning ride", kilometres: 42 }])
    },
  })
  return {
    url: server.url.href,
    requests: () => state.requests,
    setDown: (down) => {
      state.down = down
    },
    stop: () => server.stop(true),
  }
}

/** Mulberry32: the same numbers from 0 to 1 for the same seed. */
const randomFrom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  const mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  const again = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((again ^ (again >>> 14)) >>> 0) / 4_294_967_296
}
