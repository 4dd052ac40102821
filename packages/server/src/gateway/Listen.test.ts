import { Effect, Either } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import { listen } from "./Listen.ts"

const servers: Array<Bun.Server<undefined>> = []
afterEach(() => {
  for (const server of servers.splice(0)) server.stop(true)
})

const serve = (host: string, port: number) =>
  Effect.runSync(
    Effect.either(
      listen({ host, port }, (wanted) => {
        const server = Bun.serve({
          hostname: host,
          port: wanted,
          development: false,
          reusePort: false,
          fetch: () => new Response("here"),
        })
        servers.push(server)
        return server.port ?? 0
      }),
    ),
  )

describe("Listening", () => {
  it("on a taken port fails in one sentence that names a port that is free", () => {
    const port = Either.getOrThrow(serve("127.0.0.1", 0))
    const error = Either.getOrThrow(Either.flip(serve("127.0.0.1", port)))
    expect(error.message).toMatch(
      new RegExp(
        `^Port ${port} is taken by another program\\. Stop that, or start with --port \\d+, which is free\\.$`,
      ),
    )
    const free = Number(/--port (\d+)/.exec(error.message)?.[1])
    expect(Either.getOrThrow(serve("127.0.0.1", free))).toBe(free)
  })

  it("on an address that this machine does not have says so", () => {
    const error = Either.getOrThrow(Either.flip(serve("192.0.2.1", 0)))
    expect(error.message).toMatch(/^Cannot listen on 192\.0\.2\.1, port 0: .+ Choose others with --host and --port\.$/)
  })
})
